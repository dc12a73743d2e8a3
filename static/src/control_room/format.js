import {_t} from "@web/core/l10n/translation";

/**
 * @param {number} seconds
 * @returns {string} a length of time in its one fitting unit
 */
export function formatDuration(seconds) {
    if (!seconds) {
        return "–";
    }
    if (seconds < 1) {
        return _t("%s ms", Math.max(1, Math.round(seconds * 1000)));
    }
    if (seconds < 60) {
        return _t("%s s", seconds.toFixed(seconds < 10 ? 1 : 0));
    }
    if (seconds < 3600) {
        return _t("%s min", Math.round(seconds / 60));
    }
    if (seconds < 48 * 3600) {
        return _t("%s h", Math.round(seconds / 3600));
    }
    return _t("%s days", Math.round(seconds / 86400));
}

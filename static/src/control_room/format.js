import {formatFloat, formatInteger, formatMonetary} from "@web/views/fields/formatters";
import {_t} from "@web/core/l10n/translation";

/**
 * @param {number} value
 * @returns {string} with one decimal if it is small, as the language writes it
 */
export function formatDecimal(value) {
    return formatFloat(value, {digits: [16, value && value < 10 ? 1 : 0]});
}

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
        return _t("%s s", formatDecimal(seconds));
    }
    if (seconds < 3600) {
        return _t("%s min", Math.round(seconds / 60));
    }
    if (seconds < 48 * 3600) {
        return _t("%s h", Math.round(seconds / 3600));
    }
    return _t("%s days", Math.round(seconds / 86400));
}

/**
 * @param {object} figure or anything else that has a ``unit``
 * @param {number} value
 * @param {number} currencyId of amounts
 * @returns {string} a value as the unit of its figure says
 */
export function formatFigure(figure, value, currencyId) {
    if (figure.unit === "seconds") {
        return formatDuration(value);
    }
    if (figure.unit === "money") {
        return formatMonetary(value, {currencyId});
    }
    if (figure.unit === "percent") {
        return `${formatDecimal(value)} %`;
    }
    if (figure.unit === "days") {
        return value ? _t("%s days", formatDecimal(value)) : "–";
    }
    return formatInteger(value);
}

/**
 * @param {object} figure
 * @param {number} currencyId of amounts
 * @returns {string} how the figure compares with the time before, if it does
 */
export function formatChange(figure, currencyId) {
    if (figure.before === null) {
        return "";
    }
    return _t("before: %s", formatFigure(figure, figure.before, currencyId));
}

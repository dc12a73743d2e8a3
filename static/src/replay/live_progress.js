import {onWillUnmount} from "@odoo/owl";
import {
    ProgressBarField,
    progressBarField,
} from "@web/views/fields/progress_bar/progress_bar_field";
import {registry} from "@web/core/registry";

const REFRESH_MILLISECONDS = 2000;

/**
 * A progress bar that looks again by itself while the job of its record is running.
 */
export class LiveProgress extends ProgressBarField {
    setup() {
        super.setup();
        this.timer = setInterval(() => this.refresh(), REFRESH_MILLISECONDS);
        onWillUnmount(() => clearInterval(this.timer));
    }

    async refresh() {
        const record = this.props.record;
        if (
            document.hidden ||
            this.loading ||
            record.data.state !== "running" ||
            (await record.isDirty())
        ) {
            return;
        }
        this.loading = true;
        try {
            await record.load();
        } catch {
            // The server is away: what is shown stays until it answers again.
        } finally {
            this.loading = false;
        }
    }
}

registry.category("fields").add("healthcare_live_progress", {
    ...progressBarField,
    component: LiveProgress,
});

import {Component, onWillStart, onWillUnmount, useRef, useState} from "@odoo/owl";
import {browser} from "@web/core/browser/browser";
import {deserializeDateTime, formatDateTime} from "@web/core/l10n/dates";
import {_t} from "@web/core/l10n/translation";
import {registry} from "@web/core/registry";
import {useService} from "@web/core/utils/hooks";
import {standardWidgetProps} from "@web/views/widgets/standard_widget_props";

const PAUSE = 2000;

/**
 * The first call of a new source, ready to be pasted, and what became of it: asks the
 * server every two seconds while it is on the screen.
 */
export class FirstCall extends Component {
    static template = "healthcare_connector.FirstCall";
    static props = {...standardWidgetProps};

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.command = useRef("command");
        this.state = useState({
            chosen: 0,
            copied: "",
            arrivals: [],
            called: false,
            lost: false,
        });
        onWillStart(() => this.watch());
        onWillUnmount(() => {
            this.closed = true;
            browser.clearTimeout(this.timer);
        });
    }

    get calls() {
        return this.props.record.data.calls || [];
    }

    get call() {
        return this.calls[this.state.chosen];
    }

    choose(index) {
        this.state.chosen = index;
    }

    async copy() {
        try {
            await browser.navigator.clipboard.writeText(this.call.command);
            this.state.copied = _t("Copied");
        } catch {
            // Pages without HTTPS may not: then mark it for the keyboard.
            window.getSelection().selectAllChildren(this.command.el);
            this.state.copied = _t("Selected: press Ctrl+C");
        }
        browser.setTimeout(() => (this.state.copied = ""), 3000);
    }

    /** Ask once, and again after a pause; a lost connection is no reason to stop. */
    async watch() {
        if (!document.hidden) {
            try {
                const found = await this.orm.silent.call(
                    this.props.record.resModel,
                    "watch",
                    [[this.props.record.resId]]
                );
                Object.assign(this.state, {...found, lost: false});
            } catch (error) {
                this.state.lost = true;
                if (error.data?.name) {
                    return; // The server has answered: asking again changes nothing.
                }
            }
        }
        if (!this.closed) {
            this.timer = browser.setTimeout(() => this.watch(), PAUSE);
        }
    }

    when(arrival) {
        return formatDateTime(deserializeDateTime(arrival.at));
    }

    openException(arrival) {
        return this.open("healthcare.exception", arrival.exception);
    }

    async openDocument(document) {
        const action = await this.orm.call("healthcare.document.link", "action_open", [
            [document.id],
        ]);
        return this.action.doAction(action);
    }

    open(model, id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: model,
            res_id: id,
            views: [[false, "form"]],
        });
    }
}

registry.category("view_widgets").add("healthcare_first_call", {
    component: FirstCall,
    fieldDependencies: [{name: "calls", type: "json"}],
});

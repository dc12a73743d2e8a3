import {Component, onWillStart, useState} from "@odoo/owl";
import {formatChange, formatFigure} from "../control_room/format";
import {DashboardChart} from "./chart";
import {Layout} from "@web/search/layout";
import {_t} from "@web/core/l10n/translation";
import {loadBundle} from "@web/core/assets";
import {registry} from "@web/core/registry";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {useService} from "@web/core/utils/hooks";
import {useSetupAction} from "@web/search/action_hook";

/**
 * The dashboard of analytics: what became of a period, beside the one before it. Each
 * figure opens the report behind it.
 */
export class Dashboard extends Component {
    static template = "healthcare_connector.Dashboard";
    static components = {Layout, DashboardChart};
    static props = {...standardActionServiceProps};

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.display = {controlPanel: {}};
        const {period = "", facility = 0} = this.props.state || {};
        this.state = useState({period, facility, data: null});
        // Who comes back from what a figure is made of finds the same choice.
        useSetupAction({
            getLocalState: () => ({
                period: this.state.period,
                facility: this.state.facility,
            }),
        });
        this.periods = [
            ["week", _t("7 Days")],
            ["month", _t("30 Days")],
            ["quarter", _t("90 Days")],
            ["year", _t("1 Year")],
        ];
        onWillStart(() => Promise.all([this.load(), loadBundle("web.chartjs_lib")]));
    }

    async load() {
        const asked = [this.state.period, this.state.facility];
        const data = await this.orm.call("healthcare.figures", "dashboard", asked);
        // An answer to what was asked before the choice changed is of no use.
        if (asked[0] === this.state.period && asked[1] === this.state.facility) {
            this.state.data = data;
            this.state.period = data.period;
        }
    }

    async choosePeriod(period) {
        this.state.period = period;
        await this.load();
    }

    async chooseFacility(ev) {
        this.state.facility = parseInt(ev.target.value, 10);
        await this.load();
    }

    format(figure) {
        return formatFigure(figure, figure.value, this.state.data.currency_id);
    }

    change(figure) {
        return formatChange(figure, this.state.data.currency_id);
    }

    open(figure) {
        this.action.doAction({
            type: "ir.actions.act_window",
            name: figure.label,
            res_model: figure.model,
            domain: figure.domain,
            context: figure.context,
            views: [
                [false, "pivot"],
                [false, "graph"],
                [false, "list"],
            ],
        });
    }
}

registry.category("actions").add("healthcare_dashboard", Dashboard);

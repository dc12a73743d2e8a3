import {
    Component,
    onWillStart,
    onWillUnmount,
    useEffect,
    useRef,
    useState,
} from "@odoo/owl";
import {_t} from "@web/core/l10n/translation";
import {deserializeDateTime} from "@web/core/l10n/dates";
import {formatChange, formatDecimal, formatDuration, formatFigure} from "./format";
import {Layout} from "@web/search/layout";
import {loadBundle} from "@web/core/assets";
import {registry} from "@web/core/registry";
import {standardActionServiceProps} from "@web/webclient/actions/action_service";
import {useService} from "@web/core/utils/hooks";

const REFRESH_MILLISECONDS = 5000;

/**
 * The control room: figures of transactions, workflows and business on one page. It
 * asks for them again every few seconds while somebody looks at it.
 */
export class ControlRoom extends Component {
    static template = "healthcare_connector.ControlRoom";
    static components = {Layout};
    static props = {...standardActionServiceProps};

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.canvas = useRef("canvas");
        this.display = {controlPanel: {}};
        this.state = useState({
            period: "day",
            facility: 0,
            data: null,
            at: null,
            stale: false,
        });
        this.periods = [
            ["day", _t("24 Hours")],
            ["week", _t("7 Days")],
            ["month", _t("30 Days")],
        ];
        onWillStart(async () => {
            await Promise.all([this.load(), loadBundle("web.chartjs_lib")]);
        });
        useEffect(
            (data) => {
                this.draw(data.series);
            },
            () => [this.state.data]
        );
        this.timer = setInterval(() => this.refresh(), REFRESH_MILLISECONDS);
        onWillUnmount(() => {
            clearInterval(this.timer);
            this.chart?.destroy();
        });
    }

    async load() {
        const asked = [this.state.period, this.state.facility];
        const data = await this.orm.silent.call(
            "healthcare.figures",
            "control_room",
            asked
        );
        // An answer to what was asked before the choice changed is of no use.
        if (asked[0] === this.state.period && asked[1] === this.state.facility) {
            this.state.data = data;
            this.state.at = luxon.DateTime.now();
            this.state.stale = false;
        }
    }

    async refresh() {
        if (document.hidden || this.loading) {
            return;
        }
        this.loading = true;
        try {
            await this.load();
        } catch {
            // The server is away: what is shown stays, and says so.
            this.state.stale = true;
        } finally {
            this.loading = false;
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

    get time() {
        return this.state.at.toLocaleString(luxon.DateTime.TIME_WITH_SECONDS);
    }

    format(figure) {
        return formatFigure(figure, figure.value, this.state.data.currency_id);
    }

    seconds(value) {
        return formatDuration(value);
    }

    percent(value) {
        return `${formatDecimal(value)} %`;
    }

    change(figure) {
        return formatChange(figure, this.state.data.currency_id);
    }

    open(figure) {
        if (!figure.model) {
            return;
        }
        this.action.doAction({
            type: "ir.actions.act_window",
            name: figure.label,
            res_model: figure.model,
            domain: figure.domain,
            views: [
                [false, "list"],
                [false, "form"],
            ],
        });
    }

    openPauses() {
        this.action.doAction("healthcare_connector.action_pause");
    }

    /**
     * @param {object} alert
     * @returns {string} the class of its strip
     */
    alertClass(alert) {
        return (
            {critical: "alert-danger", warning: "alert-warning"}[alert.severity] ||
            "alert-info"
        );
    }

    alertSince(alert) {
        return deserializeDateTime(alert.since).toRelative();
    }

    openAlert(alert) {
        this.action.doAction({
            type: "ir.actions.act_window",
            name: alert.name,
            res_model: "healthcare.alert",
            res_id: alert.id,
            views: [[false, "form"]],
        });
    }

    openType(row) {
        this.open({label: row.name, model: "healthcare.event", domain: row.domain});
    }

    draw(series) {
        const byDay = this.state.period === "month";
        const labels = series.map((point) =>
            luxon.DateTime.fromISO(point.at).toLocaleString(
                byDay
                    ? {day: "numeric", month: "short"}
                    : {weekday: "short", hour: "numeric"}
            )
        );
        const sets = [
            [_t("Received"), "received", "#6c8ebf"],
            [_t("Done"), "done", "#5aa469"],
            [_t("Held up or refused"), "trouble", "#d9534f"],
        ];
        const datasets = sets.map(([label, key, color]) => ({
            label,
            data: series.map((point) => point[key]),
            backgroundColor: color,
        }));
        if (this.chart) {
            this.chart.data.labels = labels;
            this.chart.data.datasets.forEach((dataset, index) => {
                dataset.data = datasets[index].data;
            });
            this.chart.update("none");
            return;
        }
        this.chart = new Chart(this.canvas.el, {
            type: "bar",
            data: {labels, datasets},
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: {mode: "index", intersect: false},
                scales: {
                    x: {grid: {display: false}, ticks: {maxTicksLimit: 12}},
                    y: {beginAtZero: true, ticks: {precision: 0}},
                },
                plugins: {legend: {position: "bottom"}},
            },
        });
    }
}

registry.category("actions").add("healthcare_control_room", ControlRoom);

import {Component, onWillUnmount, useEffect, useRef} from "@odoo/owl";
import {formatFigure} from "../control_room/format";

const COLORS = ["#6c8ebf", "#5aa469", "#d9a441", "#d9534f", "#8e7cc3", "#7f8c8d"];
// What means the same everywhere looks the same.
const MEANINGS = {
    completed: "#5aa469",
    no_show: "#d9534f",
    cancelled: "#b0b7bf",
    confirmed: "#a9c4e4",
    checked_in: "#d9a441",
};

/**
 * One chart of the dashboard: bars over time or over names.
 */
export class DashboardChart extends Component {
    static template = "healthcare_connector.DashboardChart";
    static props = {chart: Object, currencyId: Number, period: String};

    setup() {
        this.canvas = useRef("canvas");
        useEffect(
            (chart) => {
                this.draw(chart);
            },
            () => [this.props.chart]
        );
        onWillUnmount(() => this.drawn?.destroy());
    }

    get isEmpty() {
        return !this.props.chart.sets.some((set) => set.data.some((value) => value));
    }

    /**
     * @param {string} label a day, or a name
     * @returns {string} how an axis shows it
     */
    label(label) {
        if (!/^\d{4}-\d\d-\d\d$/.test(label)) {
            return label;
        }
        return luxon.DateTime.fromISO(label).toLocaleString(
            this.props.period === "year"
                ? {month: "short", year: "2-digit"}
                : {day: "numeric", month: "short"}
        );
    }

    draw(chart) {
        this.drawn?.destroy();
        this.drawn = null;
        if (!this.canvas.el || this.isEmpty) {
            return;
        }
        const show = (value) => formatFigure(chart, value, this.props.currencyId);
        this.drawn = new Chart(this.canvas.el, {
            type: "bar",
            data: {
                labels: chart.labels.map((label) => this.label(label)),
                datasets: chart.sets.map((set, index) => ({
                    label: set.label,
                    data: set.data,
                    backgroundColor: MEANINGS[set.key] || COLORS[index % COLORS.length],
                })),
            },
            options: {
                animation: false,
                maintainAspectRatio: false,
                interaction: {mode: "index", intersect: false},
                scales: {
                    x: {
                        grid: {display: false},
                        stacked: chart.stacked,
                        ticks: {maxTicksLimit: 12},
                    },
                    y: {
                        beginAtZero: true,
                        stacked: chart.stacked,
                        ticks: {precision: 0, maxTicksLimit: 6, callback: show},
                    },
                },
                plugins: {
                    legend: {display: chart.sets.length > 1, position: "bottom"},
                    tooltip: {
                        callbacks: {
                            label: (item) =>
                                `${item.dataset.label}: ${show(item.parsed.y)}`,
                        },
                    },
                },
            },
        });
    }
}

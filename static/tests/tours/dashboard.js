import {registry} from "@web/core/registry";

/**
 * @param {string} section key of a section of the dashboard
 * @param {string} figure key of one of its figures
 * @param {string} value what it shows, as part of its text
 * @param {string} row what the pivot behind it shows
 * @returns {object[]} steps that open the figure and come back
 */
function opens(section, figure, value, row) {
    const tile = `[data-section=${section}] [data-key=${figure}]:enabled`;
    return [
        {
            content: `${figure} has a value, and opens what it is made of`,
            trigger: `${tile}:contains(${value})`,
            run: "click",
        },
        {
            content: "The report is grouped and sums up to the figure",
            trigger: `.o_pivot:contains(${row}):contains(${value})`,
        },
        {
            content: "Go back",
            trigger: ".o_breadcrumb .o_back_button",
            run: "click",
        },
        {
            content: "The choice is as it was left",
            trigger:
                ".o_control_panel select:has(option:checked:contains(Tour clinic))",
        },
    ];
}

registry.category("web_tour.tours").add("healthcare_dashboard", {
    url: "/odoo/healthcare-dashboard",
    steps: () => [
        {
            content: "All sections of the role are there",
            trigger:
                ".o_healthcare_page:has([data-section=throughput]):has([data-section=utilization])" +
                ":has([data-section=reimbursement]):has([data-section=margin])",
        },
        {
            content: "Look at a week",
            trigger: "button:contains(7 Days)",
            run: "click",
        },
        {
            trigger: "button.active:contains(7 Days)",
        },
        {
            content: "Choose a facility",
            trigger: ".o_control_panel select",
            run: "selectByLabel Tour clinic",
        },
        {
            content: "Charts are drawn",
            trigger:
                "[data-section=reimbursement]:has(canvas[aria-label=Claims])" +
                ":has(canvas[aria-label='A/R by Age'])",
        },
        ...opens("throughput", "claim", "1", "Tour clinic"),
        ...opens("utilization", "booked", "1", "Tour clinic"),
        ...opens("reimbursement", "charged", "800", "Tour clinic"),
        ...opens("reimbursement", "open_amount", "850", "0–30 days"),
        ...opens("margin", "margin", "700", "Tour clinic"),
    ],
});

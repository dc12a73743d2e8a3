import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("healthcare_control_room", {
    url: "/odoo/healthcare-control-room",
    steps: () => [
        {
            content: "Figures are there, and what is held up stands out",
            trigger: "[data-key=held].o_healthcare_bad:contains(Held Up)",
        },
        {
            content: "The chart is drawn",
            trigger: ".o_healthcare_chart canvas",
        },
        {
            content: "Look at a week",
            trigger: "button:contains(7 Days)",
            run: "click",
        },
        {
            content: "The week is chosen",
            trigger: "button.active:contains(7 Days)",
        },
        {
            content: "Choose a facility",
            trigger: ".o_control_panel select",
            run: "selectByLabel Tour clinic",
        },
        {
            content: "Open what is held up",
            trigger: "[data-key=held]:enabled:contains(1)",
            run: "click",
        },
        {
            content: "The records behind the figure",
            trigger: ".o_list_view .o_data_row:contains(Appointment booked)",
        },
    ],
});

import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("healthcare_release", {
    url: "/odoo/healthcare-my-queue",
    steps: () => [
        {
            content: "Something is to be done",
            trigger: ".o_menu_systray button:has(.fa-clock-o)",
            run: "click",
        },
        {
            content: "It is a problem of ours",
            trigger:
                ".o-mail-ActivityGroup[data-model_name='healthcare.exception.cause'] span:contains('Today')",
            run: "click",
        },
        {
            content: "Open it",
            trigger: ".o_data_row td:contains('No payer has the code T-TOUR')",
            run: "click",
        },
        {
            trigger: ".o_form_view .alert-info:contains('What to do next')",
        },
        {
            content: "Look at what it is about",
            trigger: "button[name='action_open_exceptions']",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row td[name='reason']:contains('T-TOUR')",
            run: "click",
        },
        {
            content: "It tells what waits for it",
            trigger: ".o_form_view .alert-warning:contains('wait for this')",
        },
        {
            content: "Say what the code means",
            trigger: "button[name='action_map_code']",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name='payer_id'] input",
            run: "edit Tour Health",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains('Tour Health Plan')",
            run: "click",
        },
        {
            trigger: ".modal button[name='action_map']",
            run: "click",
        },
        {
            content: "It is solved",
            trigger: ".o_form_view .o_arrow_button_current:contains('Resolved')",
        },
        {
            content: "Nothing else is in the queue",
            trigger: "button[name='action_open_next']",
            run: "click",
        },
        {
            trigger: ".o_notification:contains('Nothing else waits for you')",
        },
        {
            content: "The event is done",
            trigger: ".oe_stat_button[name='action_open_event']",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_arrow_button_current:contains('Done')",
        },
        {
            content: "The visit may go ahead",
            trigger: "[data-menu-xmlid='healthcare_connector.menu_patient_access']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_appointment']",
            run: "click",
        },
        {
            trigger: ".o_data_row:contains('V-TOUR') .badge:contains('Cleared')",
        },
    ],
});

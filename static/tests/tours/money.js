import {registry} from "@web/core/registry";

registry.category("web_tour.tours").add("healthcare_money", {
    url: "/odoo/healthcare-my-queue",
    steps: () => [
        {
            content: "Money that found no invoice is in one's queue",
            trigger: ".o_data_row td:contains('Payment Mismatch')",
            run: "click",
        },
        {
            content: "It says what the money may be for",
            trigger: ".o_form_view h3:contains('What this money may be for')",
        },
        {
            content: "Use it so",
            trigger:
                ".o_field_widget[name='suggestion_ids'] .o_data_row button[name='action_apply']",
            run: "click",
        },
        {
            content: "It is solved",
            trigger: ".o_form_view .o_arrow_button_current:contains('Resolved')",
        },
        {
            content: "The event is done",
            trigger: ".oe_stat_button[name='action_open_event']",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_arrow_button_current:contains('Done')",
        },
    ],
});

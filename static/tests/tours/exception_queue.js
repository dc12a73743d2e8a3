import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("healthcare_exception_queue", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the app",
            trigger: ".o_app[data-menu-xmlid='healthcare_connector.menu_root']",
            run: "click",
        },
        {
            content: "Look for what is to be done",
            trigger: "[data-menu-xmlid='healthcare_connector.menu_exceptions']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_exception_team']",
            run: "click",
        },
        {
            content: "The queue has one column for each kind of problem",
            trigger: ".o_kanban_group:contains('Stock Shortage')",
        },
        {
            content: "Open the exception",
            trigger: ".o_kanban_record:contains('Gloves of the tour are short')",
            run: "click",
        },
        {
            content: "It says what to do next, and names no patient",
            trigger: ".o_form_view .alert-info:contains('What to do next')",
        },
        {
            trigger: ".o_form_view:not(:contains('Quillfeather'))",
        },
        {
            content: "Take it",
            trigger: "button[name='action_assign_to_me']",
            run: "click",
        },
        {
            trigger: ".o_arrow_button_current:contains('Assigned')",
        },
        {
            content: "Let it be",
            trigger: "button[name='action_open_waive']",
            run: "click",
        },
        {
            content: "A reason is needed",
            trigger: ".modal .o_field_widget[name='reason'] input",
            run: "edit Borrowed from the other clinic",
        },
        {
            trigger: ".modal button[name='action_waive']",
            run: "click",
        },
        {
            content: "It is closed, with the reason on record",
            trigger:
                ".o_field_widget[name='waive_reason']:contains('Borrowed from the other clinic')",
        },
        {
            trigger: "body:not(:has(.modal)) .o_form_view",
        },
    ],
});

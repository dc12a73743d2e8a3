import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("healthcare_replay", {
    url: "/odoo/healthcare-replays",
    steps: () => [
        {
            content: "Prepare a replay",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            content: "Narrow it to what the tour's source sent",
            trigger: ".o_field_widget[name='source_id'] input",
            run: "edit Replay tour",
        },
        {
            trigger: ".o-autocomplete--dropdown-item:contains(Replay tour)",
            run: "click",
        },
        {
            content: "Say why",
            trigger: ".o_field_widget[name='reason'] input",
            run: "edit The payer was added",
        },
        {
            content: "One cannot start before one has looked",
            trigger: "body:not(:has(button[name='action_start']))",
        },
        {
            trigger: "button[name='action_preview']",
            run: "click",
        },
        {
            content: "What would come of it",
            trigger: ".o_field_widget[name='preview_ids'] .o_data_row:contains(Done)",
        },
        {
            content: "And what it would make",
            trigger:
                ".o_field_widget[name='difference_ids'] .o_data_row:contains(Coverages)",
        },
        {
            trigger: "button[name='action_start']",
            run: "click",
        },
        {
            content: "It is under way and can be paused",
            trigger: ".o_statusbar_status .o_arrow_button_current:contains(Running)",
        },
        {
            trigger: "button[name='action_pause']",
            run: "click",
        },
        {
            content: "Paused; nothing is done meanwhile",
            trigger: "button[name='action_resume']",
            run: "click",
        },
        {
            trigger: "button[name='action_pause']",
        },
    ],
});

registry.category("web_tour.tours").add("healthcare_no_replay", {
    url: "/odoo/healthcare-replays",
    steps: () => [
        {
            content: "Jobs are listed, and nothing can be made",
            trigger: ".o_list_view:not(:has(.o_list_button_add))",
        },
        {
            trigger: ".o_data_row:contains(For the tour) td[name='reason']",
            run: "click",
        },
        {
            content: "No button to look or to start",
            trigger:
                ".o_form_view:not(:has(button[name='action_preview'])):not(:has(button[name='action_start']))",
        },
        stepUtils.showAppsMenuItem(),
        {
            content: "Nor is there anything among the actions of events",
            trigger: ".o_app[data-menu-xmlid='healthcare_connector.menu_root']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_events']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_event']",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_control_panel:not(:contains(Replay…)) .o_selection_box",
        },
    ],
});

registry.category("web_tour.tours").add("healthcare_pause", {
    url: "/odoo/healthcare-event-types",
    steps: () => [
        {
            trigger: ".o_data_row:contains(Appointment booked) td[name='code']",
            run: "click",
        },
        {
            trigger: "button[name='action_pause']",
            run: "click",
        },
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name='reason'] input",
            run: "edit The schedule is moved tonight",
        },
        {
            trigger: ".modal footer button.btn-primary:contains(Pause)",
            run: "click",
        },
        {
            content: "The form tells of it",
            trigger: ".alert-warning:contains(The schedule is moved tonight)",
        },
        {
            trigger: "button[name='action_resume']",
            run: "click",
        },
        {
            content: "And can be paused again",
            trigger: "button[name='action_pause']",
        },
    ],
});

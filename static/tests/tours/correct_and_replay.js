import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("healthcare_correct_and_replay", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the app",
            trigger: ".o_app[data-menu-xmlid='healthcare_connector.menu_root']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_exceptions']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_exception_team']",
            run: "click",
        },
        {
            content: "Open what could not be read",
            trigger: ".o_kanban_record:contains('birth date is not a date')",
            run: "click",
        },
        {
            trigger: "button[name='action_open_correct']",
            run: "click",
        },
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name='reason'] input",
            run: "edit Typing error at the desk",
        },
        {
            content: "Mend the birth date",
            trigger: ".modal .ace_editor:contains('birth_date')",
            run() {
                const editor = window.ace.edit(this.anchor);
                editor.setValue(editor.getValue().replace("Unsinn", "1950-01-31"), 1);
                editor.blur();
            },
        },
        {
            trigger: ".modal button[name='action_replay']",
            run: "click",
        },
        {
            content: "The dialog is done with",
            trigger: "body:not(:has(.modal))",
        },
    ],
});

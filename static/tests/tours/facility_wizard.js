import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("healthcare_facility_wizard", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the app",
            trigger: ".o_app[data-menu-xmlid='healthcare_connector.menu_root']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_configuration']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_facility']",
            run: "click",
        },
        {
            content: "The list of facilities leads to the wizard",
            trigger: ".o_list_view button:contains('Set Up a Facility')",
            run: "click",
        },
        {
            trigger: ".modal [name='name'] input",
            run: "edit Harbour Clinic",
        },
        {
            trigger: ".modal [name='code'] input",
            run: "edit T-HARBOUR",
        },
        {
            content: "A warehouse that is made needs a short code only",
            trigger: ".modal [name='warehouse_code'] input",
            run: "edit HARB",
        },
        {
            trigger: ".modal:not(:has([name='warehouse_id'])) .o_form_view",
        },
        {
            trigger: ".modal button[name='action_create_facility']",
            run: "click",
        },
        {
            content: "The new facility opens",
            trigger:
                "body:not(:has(.modal)) .o_form_view [name='code'] input:value(T-HARBOUR)",
        },
    ],
});

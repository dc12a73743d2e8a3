import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

// One registration is good; the other names a payer that nobody has set up.
const SHEET = [
    "Facility,Registered on,Record number,Family name,Birth date,Payer,Member number",
    "T-EAST,2026-03-02,TOUR-1,Example,1980-05-17,T-PAYER,M-1",
    "T-EAST,2026-03-02,TOUR-2,Example,1981-05-17,NOBODY,M-2",
].join("\n");

registry.category("web_tour.tours").add("healthcare_downtime_import", {
    url: "/odoo",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "Open the app",
            trigger: ".o_app[data-menu-xmlid='healthcare_connector.menu_root']",
            run: "click",
        },
        {
            trigger: "[data-menu-xmlid='healthcare_connector.menu_continuity']",
            run: "click",
        },
        {
            trigger:
                "[data-menu-xmlid='healthcare_connector.menu_downtime_import_wizard']",
            run: "click",
        },
        {
            content: "Choose the file",
            trigger:
                ".modal .o_field_widget[name='file'] input[type='file']:not(:visible)",
            async run({anchor}) {
                const file = new File([SHEET], "sheet.csv", {type: "text/csv"});
                const transfer = new DataTransfer();
                transfer.items.add(file);
                anchor.files = transfer.files;
                anchor.dispatchEvent(new Event("change", {bubbles: true}));
            },
        },
        {
            content: "It is read",
            trigger: ".modal .o_field_widget[name='file'] input:value(sheet.csv)",
        },
        {
            trigger: ".modal button[name='action_check']",
            run: "click",
        },
        {
            content: "The bad line is told, with its place and reason",
            trigger: ".modal .o_data_row:contains('Payer'):contains('3')",
        },
        {
            trigger: ".modal button[name='action_import']",
            run: "click",
        },
        {
            content: "It is done",
            trigger: ".modal .o_data_row:contains('East')",
        },
        {
            trigger: ".modal button[name='action_open_events']",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row",
        },
    ],
});

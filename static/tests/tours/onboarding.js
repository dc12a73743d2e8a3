import {registry} from "@web/core/registry";
import {stepUtils} from "@web_tour/tour_utils";

/** Send what the panel says to paste. The test server wants its own cookie with it. */
async function callAsShown() {
    const command = document.querySelector(".o_healthcare_command").textContent;
    const [, url] = command.match(/^curl -i '([^']+)'/);
    const headers = {};
    for (const [, name, value] of command.matchAll(/-H "([^:]+): ([^"]+)"/g)) {
        headers[name] = value;
    }
    const body = command.slice(command.indexOf("--data-binary '") + 15, -1);
    const answer = await fetch(url, {
        method: "POST",
        headers,
        body: body.replaceAll("'\\''", "'"),
    });
    if (answer.status !== 202) {
        throw new Error(`Answered with ${answer.status}: ${await answer.text()}`);
    }
}

registry.category("web_tour.tours").add("healthcare_onboarding", {
    url: "/odoo/healthcare-sources",
    steps: () => [
        stepUtils.showAppsMenuItem(),
        {
            content: "The list of sources leads to the wizard",
            trigger: "button:contains('Connect a System')",
            run: "click",
        },
        {
            trigger: ".modal [name='name'] input",
            run: "edit Harbour Scheduling",
        },
        {
            trigger: ".modal [name='facility_ids'] input",
            run: "edit Tour Harbour",
        },
        {
            trigger: ".ui-autocomplete a:contains('Tour Harbour')",
            run: "click",
        },
        {
            content: "The short name comes from the name",
            trigger: ".modal [name='code'] input:value(harbour-scheduling)",
        },
        {
            trigger: ".modal button[name='action_limits']",
            run: "click",
        },
        {
            trigger: ".modal button[name='action_connect']",
            run: "click",
        },
        {
            content: "The key is shown, the panel waits",
            trigger:
                ".modal .o_healthcare_watch:contains('Waiting for the first call')",
        },
        {
            trigger: ".modal .o_healthcare_command:contains('Bearer')",
            run: callAsShown,
        },
        {
            content: "It came in and became a patient",
            trigger:
                ".o_healthcare_arrival[data-state='done'] button:contains('Test-')",
        },
        {
            content: "The second call books an appointment",
            trigger: ".modal .btn-group button:contains('Book an appointment')",
            run: "click",
        },
        {
            trigger: ".modal .o_healthcare_command:contains('appointment.booked')",
            run: callAsShown,
        },
        {
            content: "Nobody has set up this service: the panel says so in words",
            trigger:
                ".o_healthcare_arrival[data-state='exception']:contains('No service has the code')",
        },
        {
            trigger: ".modal button[name='action_open_source']",
            run: "click",
        },
        {
            trigger:
                "body:not(:has(.modal)) .o_form_view [name='code'] input:value(harbour-scheduling)",
        },
    ],
});

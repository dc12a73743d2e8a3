// The documentation page: draws what the server says of its events and endpoints.

const CATALOGUE = "/healthcare/docs/catalogue.json";
const DESCRIPTION = "/healthcare/v1/openapi.json";
const DEEPEST = 8;

function node(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, value);
    }
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
}

function part(name) {
    return document.querySelector(`[data-part="${name}"]`);
}

function table(heads, rows) {
    const head = node(
        "tr",
        {},
        ...heads.map((text) => node("th", {scope: "col"}, text))
    );
    return node("table", {}, node("thead", {}, head), node("tbody", {}, ...rows));
}

function copyable(text) {
    const button = node("button", {type: "button"}, "Copy");
    button.addEventListener("click", async () => {
        try {
            await navigator.clipboard.writeText(text);
            button.textContent = "Copied";
        } catch {
            // Pages without HTTPS may not: then mark it for Ctrl-C.
            window.getSelection().selectAllChildren(block);
            button.textContent = "Selected";
        }
        setTimeout(() => (button.textContent = "Copy"), 2000);
    });
    const block = node("pre", {tabindex: "0"}, node("code", {}, text));
    return node("div", {class: "copyable"}, button, block);
}

function curl(path, sample) {
    const body = sample.body.replaceAll("'", "'\\''");
    return [
        `curl -i '${location.origin}${path}'`,
        `-H "Authorization: Bearer $KEY"`,
        `-H "Content-Type: ${sample.content_type}"`,
        `--data-binary '${body}'`,
    ].join(" \\\n  ");
}

// -- Fields of a schema -------------------------------------------------------------

function resolve(schema, root) {
    let found = schema;
    for (let turn = 0; found.$ref && turn < DEEPEST; turn++) {
        const {$ref, ...beside} = found;
        found = {...root.$defs?.[$ref.split("/").pop()], ...beside};
    }
    return found;
}

function typeOf(schema, root) {
    if ("const" in schema) {
        return `always ${JSON.stringify(schema.const)}`;
    }
    if (schema.enum) {
        return `one of ${schema.enum.join(", ")}`;
    }
    if (schema.type === "array") {
        const kind = typeOf(resolve(schema.items || {}, root), root);
        return `list of ${kind === "object" ? "objects" : kind}`;
    }
    const names = {
        string: "text",
        "date-time": "date and time",
        date: "date",
        boolean: "true or false",
    };
    const types = [schema.type || "any"].flat();
    return types
        .map((type) => names[schema.format] || names[type] || type)
        .join(" or ");
}

// The fields of a schema as [{path, depth, required, schema}], each before its own.
function fields(schema, root, path = "", depth = 0) {
    const found = [];
    if (depth > DEEPEST) {
        return found;
    }
    for (const [name, raw] of Object.entries(schema.properties || {})) {
        let inner = resolve(raw, root);
        const required = (schema.required || []).includes(name);
        let place = path ? `${path}.${name}` : name;
        found.push({path: place, depth, required, schema: inner});
        if (inner.type === "array") {
            inner = resolve(inner.items || {}, root);
            place += "[]";
        }
        found.push(...fields(inner, root, place, depth + 1));
    }
    return found;
}

function fieldTable(schema) {
    const rows = fields(schema, schema).map((field) => {
        const deep = `deep-${Math.min(field.depth, 4)}`;
        const example = field.schema.examples?.[0];
        return node(
            "tr",
            {class: deep},
            node("td", {class: deep}, node("code", {}, field.path)),
            node(
                "td",
                {},
                typeOf(field.schema, schema),
                " ",
                field.required
                    ? node("span", {class: "must"}, "required")
                    : node("span", {class: "may"}, "optional")
            ),
            node(
                "td",
                {},
                field.schema.description || field.schema.title || "",
                example === undefined ? "" : " E.g. ",
                example === undefined ? "" : node("code", {}, JSON.stringify(example))
            )
        );
    });
    return table(["Field", "Type", "Meaning"], rows);
}

// -- Parts of the page --------------------------------------------------------------

function eventPart(event) {
    const url = `/healthcare/v1/schemas/healthcare.${event.name}.v1/${event.version}`;
    const box = node("div", {});
    box.append(node("p", {}, event.schema.description || ""));
    box.append(fieldTable(event.schema));
    if (event.example) {
        box.append(node("h4", {}, "Example"));
        box.append(copyable(JSON.stringify(event.example, null, 2)));
    }
    box.append(node("p", {}, node("a", {href: url}, "JSON Schema")));
    return node(
        "details",
        {id: `event-${event.name}-${event.version}`},
        node("summary", {}, node("span", {class: "name"}, event.name), event.type),
        box
    );
}

function bodyPart(path, content, samples) {
    const box = node("div", {});
    box.append(node("h4", {}, "Body"));
    const kinds = Object.keys(content);
    box.append(node("p", {}, ...kinds.flatMap((k) => [node("code", {}, k), " "])));
    for (const sample of samples || []) {
        box.append(node("h4", {}, sample.title), copyable(curl(path, sample)));
    }
    return box;
}

function statusTable(responses) {
    const rows = Object.entries(responses).map(([status, response]) =>
        node(
            "tr",
            {},
            node(
                "td",
                {},
                node("span", {class: status < 400 ? "status" : "status bad"}, status)
            ),
            node("td", {}, response.description),
            node("td", {}, Object.keys(response.content || {}).join(", "))
        )
    );
    return table(["Status", "When", "Content"], rows);
}

function endpointPart(path, verb, operation, samples) {
    const box = node("div", {});
    if (operation.description) {
        box.append(node("p", {}, operation.description));
    }
    const parameters = (operation.parameters || []).map((one) =>
        node(
            "tr",
            {},
            node("td", {}, node("code", {}, one.name)),
            node("td", {}, `in the ${one.in}`),
            node("td", {}, one.description || (one.required ? "required" : ""))
        )
    );
    if (parameters.length) {
        box.append(table(["Parameter", "Where", "Meaning"], parameters));
    }
    if (operation.requestBody) {
        box.append(bodyPart(path, operation.requestBody.content, samples));
    }
    box.append(node("h4", {}, "Answers"), statusTable(operation.responses));
    return node(
        "details",
        {id: `endpoint-${operation.operationId}`},
        node(
            "summary",
            {},
            node("span", {class: `verb ${verb}`}, verb.toUpperCase()),
            node("span", {class: "name"}, node("code", {}, path)),
            operation.summary || ""
        ),
        box
    );
}

function draw(description, catalogue) {
    part("envelope").replaceChildren(fieldTable(catalogue.envelope));
    part("events").replaceChildren(...catalogue.events.map(eventPart));
    const verbs = Object.entries(description.paths).flatMap(([path, operations]) =>
        Object.entries(operations).map(([verb, one]) =>
            endpointPart(path, verb, one, verb === "post" && catalogue.samples[path])
        )
    );
    part("endpoints").replaceChildren(...verbs);
    const problems = catalogue.problems.map((problem) =>
        node(
            "tr",
            {},
            node("td", {}, node("span", {class: "status bad"}, problem.status || "")),
            node("td", {}, node("code", {}, problem.code)),
            node("td", {}, `${problem.title}. ${problem.advice}`)
        )
    );
    part("problems").replaceChildren(table(["Status", "Code", "Meaning"], problems));
    for (const place of document.querySelectorAll("[data-sample]")) {
        const [sample] = catalogue.samples[place.dataset.sample] || [];
        if (sample) {
            place.replaceChildren(copyable(curl(place.dataset.sample, sample)));
        }
    }
}

// Opens what the address names, which is drawn after the browser looked for it.
function follow() {
    const id = decodeURIComponent(location.hash.slice(1));
    const target = id && document.getElementById(id);
    if (target) {
        if (target.tagName === "DETAILS") {
            target.open = true;
        }
        target.scrollIntoView();
    }
}

async function load(url) {
    const answer = await fetch(url);
    if (!answer.ok) {
        throw new Error(`${url}: ${answer.status}`);
    }
    return answer.json();
}

for (const place of document.querySelectorAll("[data-origin]")) {
    place.textContent = location.origin;
}
window.addEventListener("hashchange", follow);
try {
    draw(...(await Promise.all([load(DESCRIPTION), load(CATALOGUE)])));
    document.body.dataset.ready = "yes";
    if (location.hash) {
        follow();
    }
} catch {
    for (const name of ["events", "endpoints", "problems"]) {
        part(name).replaceChildren(
            node("p", {class: "notice"}, "This could not be loaded; try again later.")
        );
    }
}

{
    "name": "Healthcare Connector",
    "summary": "Patient access to cash: registration, scheduling, authorization and "
    "payments become Odoo documents, exceptions and analytics facts",
    "version": "19.0.1.0.0",
    "category": "Healthcare",
    "license": "LGPL-3",
    "author": "Healthcare Connector contributors",
    "website": "https://github.com/healthcare-connector/healthcare_connector",
    "depends": ["mail", "account", "sale_stock", "purchase_stock"],
    "external_dependencies": {
        "python": [
            "cryptography",
            "jsonschema",
            "requests",
            "standardwebhooks",
        ],
    },
    "data": [
        "security/groups.xml",
        "security/ir.model.access.csv",
        "security/rules.xml",
        "data/event_types.xml",
        "data/sequences.xml",
        "data/exception_policies.xml",
        "data/crons.xml",
    ],
    "demo": [
        "demo/organisation.xml",
        "demo/supplies.xml",
        "demo/services.xml",
        "demo/users.xml",
    ],
    "assets": {},
    "post_init_hook": "post_init_hook",
    "uninstall_hook": "uninstall_hook",
    "application": True,
}

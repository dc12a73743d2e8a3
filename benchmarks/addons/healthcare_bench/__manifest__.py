{
    "name": "Healthcare Connector Benchmark",
    "summary": "One job, or one exchange record, per registration",
    "version": "19.0.1.0.0",
    "author": "Healthcare Connector contributors",
    "website": "https://github.com/healthcare-connector/healthcare_connector",
    "license": "LGPL-3",
    "depends": ["healthcare_connector", "queue_job", "edi_core_oca"],
}

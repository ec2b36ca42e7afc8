"""Validates an RO-Crate offline: check_crate.py FOLDER PROFILE

The validator looks its vocabulary up on the web; here it gets the copy that the package `rocrate` carries (of RO-Crate 1.3), with the
addresses of the four terms that RO-Crate 1.1 had elsewhere. Prints what is required and missing; what is only recommended follows
with `--recommended`. Ends with 1 where something required is missing.
"""

import json
import socket
import sys
from pathlib import Path

import requests
import rocrate
from rocrate.rocrate import ROCrate
from rocrate_validator import models, services
from rocrate_validator.utils import http

CONTEXT = "https://w3id.org/ro/crate/1.1/context"
OLD_TERMS = {
    "ComputationalWorkflow": "https://bioschemas.org/ComputationalWorkflow",
    "FormalParameter": "https://bioschemas.org/FormalParameter",
    "input": "https://bioschemas.org/ComputationalWorkflow#input",
    "output": "https://bioschemas.org/ComputationalWorkflow#output",
}


def answer(_, url, **__):
    if url != CONTEXT:
        raise OSError(f"a test uses no network, and asks for {url}")
    path = Path(rocrate.__file__).parent / "data" / "ro-crate.jsonld"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["@context"].update(OLD_TERMS)
    response = requests.Response()
    response.status_code, response.url, response.encoding = 200, url, "utf-8"
    response.headers["Content-Type"] = "application/ld+json"
    response._content = json.dumps({"@context": document["@context"]}).encode()
    return response


def no_network(*_):
    raise OSError("a test uses no network")


http.HttpRequester.get = answer
http.HttpRequester.head = answer
socket.socket.connect = no_network
folder, profile = sys.argv[1], sys.argv[2]
severity = models.Severity.RECOMMENDED if "--recommended" in sys.argv else models.Severity.REQUIRED
settings = services.ValidationSettings(rocrate_uri=folder, profile_identifier=profile, requirement_severity=severity)
result = services.validate(settings)
for issue in result.get_issues():
    print(f"{issue.severity.name}: {issue.check.identifier}: {issue.message} ({issue.violatingEntity})")
crate = ROCrate(folder)
print(f"checked {len(list(crate.get_entities()))} entities against {profile}")
sys.exit(0 if result.passed(models.Severity.REQUIRED) else 1)

"""Validates a data package with frictionless, offline: its schemas are taken from a folder, not from where the package says.

usage: python frictionless_package.py PACKAGE_FOLDER SCHEMA_FOLDER      prints one fault a line, nothing where it is valid
"""
import json
import os
import sys

from frictionless import Package, system

folder, schemas = sys.argv[1:]
with open(os.path.join(folder, "datapackage.json"), encoding="utf-8") as file:
    descriptor = json.load(file)
# The profile of the whole package is checked elsewhere: it refers to others on the network.
descriptor.pop("profile", None)
resources = []
for resource in descriptor["resources"]:
    if isinstance(resource.get("schema"), str):
        name = resource["schema"].rsplit("/", 1)[1]
        with open(os.path.join(schemas, name), encoding="utf-8") as file:
            resource["schema"] = json.load(file)
        resource.pop("profile", None)
        resources.append(resource)
descriptor["resources"] = resources
package = Package.from_descriptor(descriptor, basepath=folder)
report = package.validate()
for error in report.flatten(["fieldName", "rowNumber", "type", "note"]):
    print("row {1}, {0}: {2}: {3}".format(*error))
for task in report.tasks:
    print("rows", task.name, task.stats.get("rows"), file=sys.stderr)

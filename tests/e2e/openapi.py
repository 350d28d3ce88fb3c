# SPDX-License-Identifier: MIT
"""Holds answers to docs/openapi.yaml: the part of JSON Schema that the file uses, no more; a keyword
that is not known here is an error of the file."""
import json
import os
import re

import yaml

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/openapi.yaml")
IGNORED = {"description", "examples", "default", "contentEncoding"}


class Spec:
    def __init__(self):
        with open(FILE) as f:
            self.doc = yaml.safe_load(f)
        self.paths = {re.compile("^" + re.sub(r"\{\w+\}", "[^/]+", p) + "$"): item
                      for p, item in self.doc["paths"].items()}

    def resolve(self, node):
        while "$ref" in node:
            at = self.doc
            for part in node["$ref"].removeprefix("#/").split("/"):
                at = at[part]
            node = at
        return node

    def operations(self):
        """All (method, path) of the file."""
        return {(m.upper(), p) for p, item in self.doc["paths"].items() for m in item
                if m in ("get", "put", "post", "delete", "head")}

    def check_answer(self, method, target, status, headers, data):
        path = target.split("?")[0]
        item = next((i for r, i in self.paths.items() if r.match(path)), None)
        operation = item and item.get(method.lower())
        if not operation:
            return  # not the file's business: 404 and 405 are judged by their tests
        answers = operation["responses"]
        answer = self.resolve(answers.get(str(status)) or answers["default"])
        assert str(status) in answers or status >= 400, f"{method} {path}: {status} is not described"
        content = answer.get("content")
        kind = (headers.get("Content-Type") or "").split(";")[0]
        if content is None:
            assert data == b"", f"{method} {path}: a body where none is described"
            return
        assert kind in content, f"{method} {path}: {kind} is not described for {status}"
        schema = content[kind].get("schema")
        if schema:
            self.check(schema, json.loads(data), f"{method} {path} {status}")

    def check(self, schema, value, where):
        schema = self.resolve(schema)
        for keyword, want in schema.items():
            if keyword not in IGNORED:
                getattr(self, "k_" + keyword)(want, value, where, schema)

    def k_type(self, want, value, where, schema):
        kinds = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}
        ok = isinstance(value, kinds[want]) and not (want == "integer" and isinstance(value, bool))
        assert ok, f"{where}: {value!r} is no {want}"

    def k_properties(self, want, value, where, schema):
        for name, inner in want.items():
            if name in value:
                self.check(inner, value[name], f"{where}.{name}")

    def k_required(self, want, value, where, schema):
        assert not set(want) - set(value), f"{where}: {set(want) - set(value)} missing"

    def k_additionalProperties(self, want, value, where, schema):
        for name in set(value) - set(schema.get("properties", {})):
            assert want is not False, f"{where}: {name} is not described"
            self.check(want, value[name], f"{where}.{name}")

    def k_items(self, want, value, where, schema):
        for i, v in enumerate(value):
            self.check(want, v, f"{where}[{i}]")

    def k_enum(self, want, value, where, schema):
        assert value in want, f"{where}: {value!r} is none of {want}"

    def k_const(self, want, value, where, schema):
        assert value == want and type(value) is type(want), f"{where}: {value!r} is not {want!r}"

    def k_minimum(self, want, value, where, schema):
        assert value >= want, f"{where}: {value} is below {want}"

    def k_maximum(self, want, value, where, schema):
        assert value <= want, f"{where}: {value} is above {want}"

    def k_pattern(self, want, value, where, schema):
        assert re.search(want, value), f"{where}: {value!r} does not match {want}"

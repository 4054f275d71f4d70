"""The document of the API, made from its questions and their models."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.console import api, api_models
from service.console.guard import CSRF_HEADER
from service.console.questions import EXPORTS, QUESTIONS, SESSION, Question

_OPTIONAL = {"after", "assignee", "for_kind", "revision", "state"}
"""Fields of forms that may be left out."""


def document(version: str, cookie: str = "unwonted", *, bearer: bool = False) -> dict[str, Any]:
    """Return what the API is, as OpenAPI 3.1 says it.

    Parameters
    ----------
    version
        Of the service.
    cookie
        What that of a session is called.
    bearer
        Whether an access token does instead.
    """
    schemes: dict[str, Any] = {"session": {"type": "apiKey", "in": "cookie", "name": cookie}}
    if bearer:
        schemes["token"] = {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}
    models: list[type[BaseModel]] = [*(question.model for question in QUESTIONS), api_models.CurrentSession]
    _, schemas = models_json_schema(
        [(model, "serialization") for model in dict.fromkeys(models)], ref_template="#/components/schemas/{model}"
    )
    return {
        "openapi": "3.1.0",
        "info": {"title": "Unwonted", "version": version, "description": "What the console shows, for programs."},
        "paths": {
            path: {one.method.lower(): _operation(one) for one in QUESTIONS if one.path == path}
            for path in dict.fromkeys(question.path for question in QUESTIONS)
        }
        | {path: {"get": _export(path)} for path in EXPORTS}
        | {SESSION: {"get": {"summary": "Who is signed in", "responses": _answers("CurrentSession")}}},
        "components": {
            "schemas": {
                **schemas["$defs"],
                "Refusal": {
                    "type": "object",
                    "properties": {"error": {"type": "string"}},
                    "required": ["error"],
                    "additionalProperties": False,
                },
            },
            "securitySchemes": schemes,
        },
        "security": [{name: []} for name in schemes],
    }


def _export(path: str) -> dict[str, Any]:
    content_type, said = EXPORTS[path]
    answer = {"description": "The file", "content": {content_type: {"schema": {"type": "string"}}}}
    asked = next(one.parameters for one in QUESTIONS if one.answer is api.incidents_answer)
    return {
        "summary": said,
        "parameters": [_parameter(name, said) for name, said in asked.items() if name != "limit"],
        "responses": {"200": answer},
    }


def _parameter(name: str, said: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": said, "schema": {"type": "string"}}


def _operation(question: Question) -> dict[str, Any]:
    parameters = [_parameter(name, said) for name, said in question.parameters.items()]
    if "{id}" in question.path:
        parameters.append({"name": "id", "in": "path", "required": True, "schema": {"type": "string"}})
    if question.method != "GET":
        said = "What /api/v1/session tells as csrf; not needed with an access token"
        parameters.append({"name": CSRF_HEADER, "in": "header", "description": said, "schema": {"type": "string"}})
    operation = {
        "summary": question.summary,
        "parameters": parameters,
        "responses": _answers(question.model.__name__),
    }
    if question.form:
        fields = {name: {"type": "string", "description": said} for name, said in question.form.items()}
        required = [name for name in fields if name not in _OPTIONAL]
        schema = {"type": "object", "properties": fields, "required": required}
        operation["requestBody"] = {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}
    return operation


def _answers(model: str) -> dict[str, Any]:
    answers = {"200": _content("The answer", model)}
    for status, said in (
        ("400", "What was sent cannot be done"),
        ("401", "Nobody is signed in"),
        ("403", "Not allowed, or not meant"),
        ("404", "There is no such thing"),
        ("409", "It has changed meanwhile: look again"),
        ("429", "Too many requests: wait a moment"),
        ("503", "History cannot be read now"),
    ):
        answers[status] = _content(said, "Refusal")
    return answers


def _content(said: str, schema: str) -> dict[str, Any]:
    reference = {"$ref": f"#/components/schemas/{schema}"}
    return {"description": said, "content": {"application/json": {"schema": reference}}}

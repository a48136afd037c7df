"""Functions: code that a workspace runs inside Segment, its versions, and where it is inserted."""

from segment_dagster.endpoints.columns import (
    ALPHA,
    V1,
    choice,
    flag,
    from_request,
    identifier,
    nested,
    param_per_value,
    parent_of,
    personal,
    text,
    timestamp,
)
from segment_dagster.endpoints.model import Endpoint, Reference, Secrecy

_FUNCTIONS = "https://docs.segmentapis.com/tag/Functions"

_INSERTED = ("INSERT_DESTINATION", "INSERT_SOURCE", "INSERT_TRANSFORMATION")
_RESOURCE_TYPES = ("DESTINATION", *_INSERTED, "SOURCE")

_NAMED = ("function", "source function", "destination function", "insert function")

_TO_FUNCTION = Reference(field="functionId", endpoint="functions")

FUNCTIONS = (
    Endpoint(
        name="functions",
        domain="functions",
        description="Every function of the workspace: code that serves as a source or destination, or is put into one.",
        documentation=_FUNCTIONS,
        path="/functions",
        selector=("data", "functions"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        # The SDK calls every field of a function optional.
        optional_key=("id",),
        parameters=(param_per_value("resourceType", *_RESOURCE_TYPES),),
        feature="Functions",
        audited_as=_NAMED,
        columns=(
            identifier("function"),
            choice("resourceType", "What the function serves as.", *_RESOURCE_TYPES, parameter="resourceType"),
            timestamp("createdAt", "When the function was made."),
            personal(text("createdBy", "Id of the user who made it.")),
            text("displayName", "The function's display name."),
            text("description", "What the function is for."),
            text("logoUrl", "Address of the function's logo."),
            text("catalogId", "The function's id in the catalogue."),
        ),
    ),
    Endpoint(
        name="function_versions",
        domain="functions",
        description="Every version of every function: its code, and whether it is the one that is deployed.",
        documentation=_FUNCTIONS,
        path="/functions/{functionId}/versions",
        selector=("data", "versions"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("functionId", "id"),
        parent=parent_of("functions", functionId="id"),
        references=(_TO_FUNCTION,),
        feature="Functions",
        audited_as=_NAMED,
        columns=(
            from_request("functionId", "The function that it is a version of."),
            identifier("version"),
            personal(text("author", "Who wrote the version.")),
            text("code", "The version's code.", secrecy=Secrecy.ALL),
            flag("isDeployed", "Whether the version is deployed."),
            timestamp("createdAt", "When the version was made."),
            timestamp("updatedAt", "When it was changed last."),
            timestamp("deployedAt", "When it was deployed last; null where it never was."),
        ),
    ),
    Endpoint(
        name="insert_function_instances",
        domain="functions",
        description="Every instance of every insert function: the source or destination it is put into, its settings.",
        documentation=_FUNCTIONS,
        path="/insert-function-instances",
        selector=("data", "instances"),
        media_type=ALPHA,
        page_size=1000,
        primary_key=("id",),
        parent=parent_of("functions", only=("resourceType", _INSERTED), functionId="id"),
        references=(_TO_FUNCTION,),
        feature="Functions",
        audited_as=("insert function instance",),
        columns=(
            from_request("functionId", "The insert function that it is an instance of."),
            identifier("instance"),
            text("name", "The instance's display name."),
            text("integrationId", "Id of the source or destination that the function is put into."),
            text("classId", "Id of the instance's class, which Segment does not explain."),
            flag("enabled", "Whether the instance is in use."),
            timestamp("createdAt", "When the instance was made."),
            timestamp("updatedAt", "When it was changed last."),
            nested("settings", "The settings with which the function runs.", secrecy=Secrecy.SETTINGS),
            nested("encryptedSettings", "Those settings that Segment keeps encrypted.", secrecy=Secrecy.ALL),
        ),
    ),
)

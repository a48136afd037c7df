"""Access: users, groups, invites, roles, and the labels that permissions can be limited to."""

from segment_dagster.endpoints.columns import (
    V1,
    count,
    from_request,
    identifier,
    nested,
    parent_of,
    personal,
    text,
    volatile,
)
from segment_dagster.endpoints.model import Endpoint, Reference

_IAM_USERS = "https://docs.segmentapis.com/tag/IAM-Users"
_IAM_GROUPS = "https://docs.segmentapis.com/tag/IAM-Groups"

_TO_USER_GROUP = Reference(field="userGroupId", endpoint="user_groups")

_USER = (
    personal(identifier("user")),
    personal(text("name", "The user's name.")),
    personal(text("email", "The user's e-mail address.")),
)
_USER_GROUP = (identifier("group"), text("name", "The group's display name."))
_PERMISSIONS = nested("permissions", "The roles held, each with the resources and labels it is limited to.")

ACCESS = (
    Endpoint(
        name="users",
        domain="access",
        description="Every user of the workspace, with the roles that the user holds.",
        documentation=_IAM_USERS,
        path="/users",
        selector=("data", "users"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        audited_as=("user",),
        columns=(*_USER, _PERMISSIONS),
    ),
    Endpoint(
        name="user_groups",
        domain="access",
        description="Every group of users of the workspace, with the roles that its members hold.",
        documentation=_IAM_GROUPS,
        path="/groups",
        selector=("data", "userGroups"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        audited_as=("user group", "group"),
        columns=(volatile(count("memberCount", "How many members the group has.")), _PERMISSIONS, *_USER_GROUP),
    ),
    Endpoint(
        name="user_user_groups",
        domain="access",
        description="Every group that every user is in, once for each user.",
        documentation=_IAM_USERS,
        path="/users/{userId}/groups",
        selector=("data", "groups"),
        media_type=V1,
        page_size=1000,
        primary_key=("userId", "id"),
        parent=parent_of("users", userId="id"),
        references=(
            Reference(field="userId", endpoint="users"),
            Reference(field="id", endpoint="user_groups"),
        ),
        audited_as=("user", "user group", "group"),
        columns=(personal(from_request("userId", "The user who is in the group.")), *_USER_GROUP),
    ),
    Endpoint(
        name="user_group_users",
        domain="access",
        description="Every user who is in every group, once for each group.",
        documentation=_IAM_GROUPS,
        path="/groups/{userGroupId}/users",
        selector=("data", "users"),
        media_type=V1,
        page_size=1000,
        primary_key=("userGroupId", "id"),
        parent=parent_of("user_groups", userGroupId="id"),
        references=(_TO_USER_GROUP, Reference(field="id", endpoint="users")),
        audited_as=("user", "user group", "group"),
        columns=(from_request("userGroupId", "The group that the user is in."), *_USER),
    ),
    Endpoint(
        name="user_group_invites",
        domain="access",
        description="Every e-mail address that is invited into every group, once for each group.",
        documentation=_IAM_GROUPS,
        path="/groups/{userGroupId}/invites",
        selector=("data", "emails"),
        media_type=V1,
        page_size=1000,
        # The records are plain addresses, here and in the next row.
        wrapped="email",
        primary_key=("userGroupId", "email"),
        parent=parent_of("user_groups", userGroupId="id"),
        references=(_TO_USER_GROUP,),
        audited_as=("user group", "group", "invite", "user invite"),
        columns=(
            from_request("userGroupId", "The group that the address is invited into."),
            personal(text("email", "The e-mail address that is invited.")),
        ),
    ),
    Endpoint(
        name="invites",
        domain="access",
        description="Every e-mail address that is invited to the workspace.",
        documentation=_IAM_USERS,
        path="/invites",
        selector=("data", "invites"),
        media_type=V1,
        page_size=1000,
        wrapped="email",
        primary_key=("email",),
        audited_as=("invite", "user invite"),
        columns=(personal(text("email", "The e-mail address that is invited.")),),
    ),
    Endpoint(
        name="roles",
        domain="access",
        description="Every role that users and groups of the workspace can hold.",
        documentation="https://docs.segmentapis.com/tag/IAM-Roles",
        path="/roles",
        selector=("data", "roles"),
        media_type=V1,
        page_size=1000,
        primary_key=("id",),
        audited_as=("role",),
        columns=(
            identifier("role"),
            text("name", "The role's name."),
            text("description", "What the role permits."),
        ),
    ),
    Endpoint(
        name="labels",
        domain="access",
        description="Every label of the workspace: a key and a value that sources and permissions can be marked with.",
        documentation="https://docs.segmentapis.com/tag/Labels",
        path="/labels",
        selector=("data", "labels"),
        media_type=V1,
        primary_key=("key", "value"),
        audited_as=("label",),
        columns=(
            text("key", "The label's key, such as environment."),
            text("value", "The label's value, such as prod."),
            text("description", "What the label is for."),
        ),
    ),
)

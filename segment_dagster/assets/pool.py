"""The Dagster pool of an instance's ops: one for each token."""

import hashlib
import re

import dagster as dg

from segment_dagster.assets.resource import SegmentResource
from segment_dagster.config import ApiSettings

_OTHER = re.compile(r"[^a-z0-9_]+")


def pool_of(workspace: SegmentResource) -> str:
    """Return the pool of the ops that read a workspace: Segment's limits are the token's, whoever uses it.

    It is named as the environment variable of the token, such as `segment_api_token`; after a hash of the token, if
    that is given as it is. A limit of this pool holds between the processes of a deployment.

    Args:
        workspace: The workspace. No variable is read.
    """
    token = workspace.token
    if token is not None and not isinstance(token, dg.EnvVar):
        return f"segment_token_{hashlib.sha256(token.encode()).hexdigest()[:12]}"
    variable = token.env_var_name if token is not None else ApiSettings.variable("token")
    return _OTHER.sub("_", variable.lower())

"""Azure's Blob Storage, by Microsoft's own emulator."""

import base64
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segment_dagster_tests.destinations.engines import Settings, extensions, free_port
from segment_dagster_tests.destinations.processes import installed, listening

ACCOUNT = "segment"


@contextmanager
def azure(directory: Path) -> Iterator[Settings]:
    """A container of azurite, under an account and a key made now."""
    from azure.storage.blob import BlobServiceClient

    extensions("azure")
    program = installed("azurite", "node_modules/.bin/azurite-blob")
    port, key = free_port(), base64.b64encode(secrets.token_bytes(64)).decode()
    # newer libraries than it knows are as good
    command = [str(program), "--skipApiVersionCheck", "--silent", "--blobPort", str(port)]
    command += ["--location", str(directory / "azurite"), "--disableTelemetry"]
    environment = {"PATH": os.environ["PATH"], "HOME": str(directory), "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
    with listening(command, port, directory / "log", environment):
        # dlt tells DuckDB of no other host than Azure's, but makes a connection string of this name and the key
        name = f"{ACCOUNT};DefaultEndpointsProtocol=http;BlobEndpoint=http://127.0.0.1:{port}/{ACCOUNT}"
        address = f"AccountName={name};AccountKey={key}"
        with BlobServiceClient.from_connection_string(address) as service:
            service.create_container("lake")
        prefix = "DESTINATION__FILESYSTEM__CREDENTIALS__AZURE_STORAGE_ACCOUNT_"
        yield {
            "SEGMENT_DESTINATION": "filesystem",
            "DESTINATION__FILESYSTEM__BUCKET_URL": "az://lake/segment",
            "DESTINATION__FILESYSTEM__KWARGS": json.dumps({"connection_string": address}),
            f"{prefix}NAME": name,
            f"{prefix}KEY": key,
        }

"""Calls the catalog through the client that openapi-generator makes: a method, an error, the identity and the events.

Imports every module of the client first, because the generator writes code that nothing else reads.
"""

import importlib
import pkgutil
import sys

import second_client

address, token = sys.argv[1:]
for module in pkgutil.walk_packages(second_client.__path__, "second_client."):
    importlib.import_module(module.name)

configuration = second_client.Configuration(host=address, access_token=token)
with second_client.ApiClient(configuration) as client:
    catalog = second_client.CatalogApi(client)
    identity = catalog.identity()
    assert identity.name == "catalog" and identity.versions[0].hash, identity
    assert len(catalog.browse(page_size=1).items) == 1
    head = catalog.read_head(beyond=-1)
    page = catalog.read_events(reader="public/second", after=2**63 - 1, partition=0, partitions=1, limit=1)
    assert page.events == [] and page.head.log_id == head.log_id, page
    try:
        catalog.product("product_01h455vb4pex5vsknk084sn02q")
        raise AssertionError("the product does not exist")
    except second_client.ApiException as problem:
        assert problem.status == 404, problem
print(f"{identity.name} {identity.versions[0].version} through a client of openapi-generator")

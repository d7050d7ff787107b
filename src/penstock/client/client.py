"""The API client: an endpoint and a body in, a typed result out.

    client = Client(transport)
    flow = client.call(wire.flows.create_flow, FlowCreate(name="etl"))
    run = client.call(wire.flow_runs.read_flow_run, id=run_id)

`Client` blocks, `AsyncClient` awaits; both are this one `call`. Errors of the API become the errors of
`penstock.errors` by status. 429, 502, 503, 408 and lost connections are tried again with growing waits
(`Retry-After` is kept to).
"""

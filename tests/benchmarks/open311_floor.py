"""The least that could be done: FastAPI, an async psycopg pool and orjson over the same table, no rules at all.

`python -m tests.benchmarks.open311_floor PORT`, with DATABASE_URL.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from kernel.ids import new_id

CITY = "jacaranda.gob.example"
_COLUMNS = (
    "SELECT folio AS service_request_id, life AS status, status_notes, service_code, description, agency_code,"
    " requested_at, updated_at, expected_at, address_string AS address, address_id, zipcode, lat, lon AS long"
    " FROM service_request"
)
_BOX = " AND lon BETWEEN %s AND %s AND lat BETWEEN %s AND %s"
_ORDER = " ORDER BY requested_at DESC, id DESC LIMIT %s"


def make_app(url: str) -> FastAPI:
    pool = AsyncConnectionPool(url, min_size=8, max_size=16, open=False, kwargs={"row_factory": dict_row})

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await pool.open()
        yield
        await pool.close()

    app = FastAPI(lifespan=lifespan)

    async def rows(sql: str, values: tuple[Any, ...], prepare: bool | None = None) -> Response:
        async with pool.connection() as connection:
            found = await (await connection.execute(sql, values, prepare=prepare)).fetchall()
        return Response(orjson.dumps(found), media_type="application/json")

    @app.get("/requests/{folio}.json")
    async def one(folio: str) -> Response:
        return await rows(f"{_COLUMNS} WHERE folio = %s", (folio,))

    @app.get("/requests.json")
    async def many(
        page_size: int,
        service_code: str | None = None,
        status: str | None = None,
        start_date: str | None = None,
        end_date: str | None = None,
        bbox: str | None = None,
    ) -> Response:
        sql, values = f"{_COLUMNS} WHERE jurisdiction_id = %s", [CITY]
        if service_code is not None:
            sql, values = sql + " AND service_code = %s", [*values, service_code]
        if status is not None:
            sql += " AND life <> 'closed'" if status == "open" else " AND life = 'closed'"
        if start_date is not None and end_date is not None:
            sql, values = sql + " AND requested_at BETWEEN %s AND %s", [*values, start_date, end_date]
        if bbox is not None:
            west, south, east, north = bbox.split(",")
            sql, values = sql + _BOX, [*values, west, east, south, north]
        # Prepared, a filtered list soon gets one plan for all values, three times slower.
        prepare = None if service_code is None else False
        return await rows(sql + _ORDER, (*values, page_size), prepare)

    @app.post("/requests.json")
    async def post(http_request: Request) -> Response:
        form = await http_request.form()
        folio = new_id().hex
        values = (new_id(), CITY, folio, form["service_code"], form["description"], form["lat"], form["long"])
        sql = (
            "INSERT INTO service_request (id, jurisdiction_id, folio, service_code, channel, language, description, lat, lon,"
            " areas, attributes, media_urls, life, status_notes, handover, is_public, report_count, requested_at, updated_at,"
            " version) VALUES (%s, %s, %s, %s, 'floor', 'es', %s, %s, %s, '{}', '{}', '[]', 'new', '',"
            " 'none', true, 1, now(), now(), 1) RETURNING folio AS service_request_id"
        )
        return await rows(sql, values)

    return app


if __name__ == "__main__":
    uvicorn.run(make_app(os.environ["DATABASE_URL"]), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")

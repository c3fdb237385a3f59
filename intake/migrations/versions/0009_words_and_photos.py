"""Indexes for public lists on what came after 0003: the words of public texts, and photos"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

# NFD and a bracket of combining marks, not `lower(unaccent(…))`: needs no extension, depends on no locale, and is immutable, as an
# index wants it. Not `translate` with a thousand letters: it looks at each of them for each letter of the text, and made a row eight
# times as dear to store. Texts and words are cut, because a text that cannot be indexed could not be stored. The twin in Python:
# intake/open311/searching.py.
_FUNCTION = """
CREATE OR REPLACE FUNCTION public_search_words(description text, address text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
SELECT array_to_tsvector(string_to_array(btrim(regexp_replace(regexp_replace(regexp_replace(
    lower(normalize(left(coalesce(description, ''), 5000) || ' ' || left(coalesce(address, ''), 2000), NFD) COLLATE "C"),
    '[\\u0300-\\u036f]+', '', 'g'),
    '[^a-z0-9]+', ' ', 'g'), '([a-z0-9]{40})[a-z0-9]+', '\\1', 'g')), ' '))
$$
"""


def upgrade() -> None:
    op.execute(_FUNCTION)
    with op.get_context().autocommit_block():
        op.drop_index("ix_service_request_words", "service_request", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_service_request_words",
            "service_request",
            [sa.literal_column("public_search_words(public_description, public_address)")],
            unique=False,
            postgresql_using="gin",
            postgresql_where=sa.text("is_public"),
            postgresql_concurrently=True,
        )
        op.drop_index("ix_service_request_with_photo", "service_request", if_exists=True, postgresql_concurrently=True)
        op.create_index(
            "ix_service_request_with_photo",
            "service_request",
            ["jurisdiction_id", sa.literal_column("requested_at DESC"), sa.literal_column("id DESC")],
            unique=False,
            postgresql_where=sa.text("is_public AND (photo_id IS NOT NULL OR media_urls <> '[]')"),
            postgresql_concurrently=True,
        )

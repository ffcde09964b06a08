"""Connections and the cache before them."""

import functools
import json

import psycopg_pool
import redis

pool = psycopg_pool.ConnectionPool()
store = redis.Redis()
connection = pool.connection


def cached(ttl_s):
    """Keep what a function returned for so many seconds."""

    def around(function):
        @functools.wraps(function)
        def read(*values):
            key = f"{function.__name__}:{values}"
            kept = store.get(key)
            if kept is None:
                kept = json.dumps(function(*values))
                store.set(key, kept, ex=ttl_s)
            return json.loads(kept)

        return read

    return around

"""The web frameworks, as data: how each names a route, a group of routes, and what mounts one router in another.

Learned from their documentation: FastAPI, Starlette, Flask, Django, Django REST framework, aiohttp, Express, Koa,
Fastify, NestJS, Next.js, Hono, Spring MVC and WebFlux, JAX-RS (Quarkus), Micronaut, Ktor, net/http, gin, echo, chi,
gorilla/mux, fiber, ASP.NET Core, Rails, Sinatra, Laravel, Symfony, Slim, actix-web, axum, Rocket.
"""

from __future__ import annotations

from typing import Final

VERBS: Final = ("get", "post", "put", "delete", "patch", "head", "options")

# Annotations of functions that name a route: annotation -> verb ('' when the annotation's arguments say it).
FUNCTION_MARKS: Final = {
    "java": {
        "GetMapping": "GET", "PostMapping": "POST", "PutMapping": "PUT", "DeleteMapping": "DELETE",
        "PatchMapping": "PATCH", "RequestMapping": "", "GetExchange": "GET", "PostExchange": "POST",
        "PutExchange": "PUT", "DeleteExchange": "DELETE", "PatchExchange": "PATCH", "HttpExchange": "",
        "GET": "GET", "POST": "POST", "PUT": "PUT", "DELETE": "DELETE", "PATCH": "PATCH", "HEAD": "HEAD",
        "OPTIONS": "OPTIONS", "Get": "GET", "Post": "POST", "Put": "PUT", "Delete": "DELETE", "Patch": "PATCH",
        "Head": "HEAD", "Options": "OPTIONS", "Route": "", "HTTP": "",
    },
    "typescript": {
        "Get": "GET", "Post": "POST", "Put": "PUT", "Delete": "DELETE", "Patch": "PATCH", "Head": "HEAD",
        "Options": "OPTIONS", "All": "",
        "httpGet": "GET", "httpPost": "POST", "httpPut": "PUT", "httpDelete": "DELETE", "httpPatch": "PATCH",
        "httpHead": "HEAD", "httpOptions": "OPTIONS", "all": "",
        "get": "GET", "post": "POST", "put": "PUT", "patch": "PATCH", "del": "DELETE",
    },
    "csharp": {
        "HttpGet": "GET", "HttpPost": "POST", "HttpPut": "PUT", "HttpDelete": "DELETE", "HttpPatch": "PATCH",
        "HttpHead": "HEAD",
        "AcceptVerbs": "", "HttpOptions": "OPTIONS", "Get": "GET", "Post": "POST", "Put": "PUT", "Delete": "DELETE",
        "Patch": "PATCH",
    },
    "php": {
        "Route": "", "Get": "GET", "Post": "POST", "Put": "PUT", "Delete": "DELETE", "Patch": "PATCH", "Any": "",
    },
    "rust": {"get": "GET", "post": "POST", "put": "PUT", "delete": "DELETE", "patch": "PATCH", "head": "HEAD"},
}  # fmt: skip
# Annotations of classes whose path goes before those of their functions.
CLASS_MARKS: Final = {
    "java": frozenset({"RequestMapping", "Path", "Controller", "HttpExchange", "RouteBase"}),
    "typescript": frozenset({"Controller", "JsonController", "controller", "Route"}),
    "csharp": frozenset({"Route", "RoutePrefix"}),
    "php": frozenset({"Route", "Prefix"}),
}
# A function's path may stand in a mark of its own beside the one that says the verb.
PATH_MARKS: Final = {"java": frozenset({"Path"}), "csharp": frozenset({"Route"})}
# Interfaces with these are called, not served: whoever has one is a client. Their arguments name whom it calls.
CLIENT_MARKS: Final = frozenset({"FeignClient", "RegisterRestClient", "Client", "HttpExchange"})
SPEAKS_LIKE: Final = {"kotlin": "java", "tsx": "typescript", "javascript": "typescript"}

# Decorators that are written as anybody's are: they count where a file mentions their framework.
PLAIN_MARKS: Final = {
    **dict.fromkeys(("get", "post", "put", "patch", "del"), "@loopback/rest"), "all": "inversify",
}  # fmt: skip
# What puts a prefix before all routes of a service: call -> place or names of the argument.
GLOBAL_PREFIXES: Final[dict[str, int | tuple[str, ...]]] = {
    "setGlobalPrefix": 0, "UsePathBase": 0, "createExpressServer": ("routePrefix",),
    "useExpressServer": ("routePrefix",), "createKoaServer": ("routePrefix",), "useKoaServer": ("routePrefix",),
    "InversifyExpressServer": ("rootPath",),
}  # fmt: skip

# Calls that give what is registered inside of them, or on what they return, a prefix.
GROUPS: Final = frozenset(
    "addGroup andNest Group group Route route MapGroup PathPrefix Subrouter scope nest path prefix basePath namespace "
    "Party nested".split()
)
# Calls that put a router that was made elsewhere under a prefix: call -> (place or name of the prefix, of the router).
MOUNTS: Final = {
    "include_router": (("prefix",), 0), "register_blueprint": (("url_prefix",), 0), "mount": (0, 1), "Mount": (0, 1),
    "use": (0, -1), "route": (0, 1), "Route": (0, 1), "nest": (0, 1), "add_subapp": (0, 1),
    "register": (("prefix",), 0), "add_router": (0, 1), "add_namespace": (("path",), 0),
    "blueprint": (("url_prefix",), 0), "group": (0, 1), "Group": (0, 1),
    "include": (0, 1), "Handle": (0, 1), "mountSubRouter": (0, 1), "URLMap": (0, 0),
    "path": (0, 1), "require": (0, 0), "map": (0, 0), "subRouter": (0, 0), "add_routes": (0, 0),
}  # fmt: skip
# What makes a router: call -> names of the argument that is its prefix.
ROUTERS: Final = {
    "APIRouter": ("prefix",), "FastAPI": ("root_path_in_servers",), "Flask": ("",), "Blueprint": ("url_prefix",),
    "Starlette": ("",), "Quart": ("",), "Sanic": ("",), "NinjaAPI": ("",), "Litestar": ("path",),
    "Namespace": ("path",), "Router": ("prefix", "path"), "express": ("",), "fastify": ("",), "Fastify": ("",),
    "Hono": ("",), "KoaRouter": ("prefix",), "OpenAPIHono": ("",), "Application": ("",), "RouteTableDef": ("",),
    "App": ("",), "restify": ("",), "createServer": ("",), "NewRouter": ("",), "NewServeMux": ("",), "NewMux": ("",),
    "Default": ("",), "New": ("",), "Engine": ("",), "Blueprint.group": ("url_prefix",),
    "Elysia": ("prefix",), "Chalice": ("",), "FunctionApp": ("",),
    "DefaultRouter": ("",), "SimpleRouter": ("",), "AppFactory": ("",),
}  # fmt: skip
# Modules whose default export makes a router, under whatever name.
ROUTER_MODULES: Final = {
    "koa-router": "Router", "@koa/router": "Router", "express-promise-router": "Router", "koa-joi-router": "Router",
    "express": "express", "fastify": "fastify", "koa": "App", "h3": "Router",
}  # fmt: skip
# What makes a router of another one: call -> names of the argument that is its prefix; the other one comes first.
PARENTS: Final = {
    "Api": ("prefix",), "NestedSimpleRouter": ("",), "NestedDefaultRouter": ("",),
}  # fmt: skip
# What makes a router that holds others, or lists of routes: call -> names of the arguments that are held.
HOLDERS: Final = {
    "Blueprint.group": ("",), "Router": ("route_handlers", "routes"), "Litestar": ("route_handlers",),
    "Starlette": ("routes",),
    "FastAPI": ("routes",), "APIRouter": ("routes",),
}  # fmt: skip
# What gives back the router that it is given, with something around it.
WRAPS: Final = frozenset({"StripPrefix", "asyncHandler", "fp", "cors", "OtelHandler", "NewHandler", "WSGIMiddleware"})
# Names that parameters of set-up functions have when what they are given is a router.
ROUTER_NAMES: Final = frozenset(
    "app router fastify server instance api routes route r e g rg group mux srv engine application routing admin v1 v2 "
    "endpoints builder web web_app http_app rest".split()
)
# Receivers whose `get` and `post` ask another service.
CLIENT_NAMES: Final = frozenset(
    "axios requests httpx http https client session request agent fetch got ky superagent cy api_client apiClient "
    "cache "
    "redis map params headers httpClient http_client conn connection faraday".split()
)

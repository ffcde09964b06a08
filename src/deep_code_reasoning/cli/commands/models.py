"""`dcr models`: which models can be asked, what they take and cost, and how each has done so far."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from ...app.models import ModelOverview, ModelStatus
    from ...domain.model import ModelRecord, PriceTier

CATALOGUE_FORM = """\b
The catalogue is $DCR_MODELS, else models.toml (or models.json) in the home:
    [[model]]
    id = "deep"                      # the name to use: --model deep
    model = "google:MODEL"           # PROVIDER:MODEL
    base_url = "http://..."          # an endpoint of your own: Ollama, vLLM, llama.cpp, a gateway
    key = "GEMINI_API_KEY"           # the variable with its key; "" for none
    abilities = ["long_context"]
    context_window_tokens = 1_000_000
    shutdown = 2027-06-30
    fallback = ["other"]             # whom to ask when it gives no answer
    [[model.price]]                  # US dollars for a million tokens
    input = 1.25
    cached_input = 0.31
    output = 10.0
Keys come from the environment, or from .env in the working directory. Without any, the analysers answer alone.
With $DCR_OFFLINE set, only endpoints of this machine are asked.
"""


@click.command("models", epilog=CATALOGUE_FORM)
@click.argument("names", nargs=-1, metavar="[PROVIDER:MODEL]...")
@click.option(
    "--check", is_flag=True, help="Ask every endpoint whether it answers and still has the model. Costs nothing."
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def command(names: tuple[str, ...], check: bool, form: str) -> None:
    """List the models that can be asked: those of the catalogue, and any that is named."""
    from ...app.models import list_models

    overview = list_models(check=check, names=names)
    if form == "json":
        click.echo(json.dumps(_as_json(overview), indent=2, ensure_ascii=False))
        return
    for status in overview.models:
        click.echo(as_text(status))
    if not overview.models:
        click.echo("No model is configured; the analysers answer alone. Any model can be named as PROVIDER:MODEL.")
    click.echo("\nkeys")
    for provider in overview.providers:
        where = provider.key or f"none (set {' or '.join(provider.variables)})"
        click.echo(f"  {provider.provider:12} {where}")
    click.echo(f"\ncatalogue: {overview.catalogue or 'none (dcr models --help shows its form)'}")


def as_text(status: ModelStatus) -> str:
    """A model as a few lines: what it is, whether it can be asked, its record."""
    from ...report.plain import printable

    card = status.card
    state = click.style("ready", fg="green") if status.usable else click.style("not usable", fg="red")
    lines = [f"{printable(card.id)}  {state}" + (f"  {printable(status.detail)}" if status.detail else "")]
    window = "unknown" if status.context_window_tokens is None else f"{status.context_window_tokens:,} tokens"
    lines.append(f"  {printable(card.ref)}" + (f" at {printable(card.base_url)}" if card.base_url else ""))
    lines.append(f"  window {window}; key {status.key or 'none'}")
    lines += [f"  {_price(tier)}" for tier in status.prices] or ["  price unknown"]
    if card.abilities:
        lines.append(f"  {', '.join(card.abilities)}")
    if card.shutdown is not None:
        lines.append(f"  shutdown {card.shutdown}")
    if status.record is not None:
        lines.append(f"  {_record(status.record)}")
    return "\n".join(lines)


def _price(tier: PriceTier) -> str:
    cached = "" if tier.cached_input is None else f" (cached ${tier.cached_input.normalize():f})"
    above = f" above {tier.above_input_tokens:,} tokens of input" if tier.above_input_tokens else ""
    return f"${tier.input.normalize():f}{cached} in, ${tier.output.normalize():f} out a million tokens{above}"


def _record(record: ModelRecord) -> str:
    cost = "unknown cost" if record.cost_usd is None else f"${record.cost_usd:.4f}"
    return (
        f"so far {record.calls} calls, {record.failures} failed, {record.confirmed} causes confirmed, "
        f"{record.refuted} refuted, {cost}"
    )


def _as_json(overview: ModelOverview) -> dict[str, Any]:
    return {
        "schema": "deep-code-reasoning/models/1",
        "catalogue": overview.catalogue,
        "models": [model_json(status) for status in overview.models],
        "providers": [
            {"provider": p.provider, "key": p.key, "variables": list(p.variables)} for p in overview.providers
        ],
    }


def model_json(status: ModelStatus) -> dict[str, Any]:
    """The same as an object."""
    card, record = status.card, status.record
    return {
        "id": card.id,
        "model": card.ref,
        "base_url": card.base_url,
        "key": status.key,
        "usable": status.usable,
        "reachable": status.reachable,
        "detail": status.detail or None,
        "context_window_tokens": status.context_window_tokens,
        "max_output_tokens": card.max_output_tokens,
        "abilities": list(card.abilities),
        "prices_usd_per_million_tokens": [
            {
                "above_input_tokens": tier.above_input_tokens,
                "input": float(tier.input),
                "cached_input": None if tier.cached_input is None else float(tier.cached_input),
                "output": float(tier.output),
            }
            for tier in status.prices
        ],
        "shutdown": None if card.shutdown is None else card.shutdown.isoformat(),
        "fallback": list(card.fallbacks),
        "record": None
        if record is None
        else {
            "calls": record.calls,
            "failures": record.failures,
            "confirmed": record.confirmed,
            "refuted": record.refuted,
            "total_cost_usd": None if record.cost_usd is None else float(record.cost_usd),
        },
    }

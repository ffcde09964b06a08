"""The wires to real models, on the client library (pydantic-ai) and the vendors' own clients. Imported when used."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from ..domain.asking import TokenCount
from ..domain.model import ModelCard
from ..domain.tokens import ESTIMATE_METHOD, estimate_tokens
from ..errors import ModelNotConfiguredError
from .endpoints import OFFLINE_VARIABLE, own_base_url, refused
from .faults import check_whole, to_provider_error, vendor_faults
from .keys import KEYLESS, Secret, variables
from .policy import estimate_exchange
from .translation import to_messages, to_parameters, to_reply
from .typed import INSTALL_HINT
from .wire import Exchange, Receipt, Reply

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelResponse
    from pydantic_ai.models import Model
    from pydantic_ai.providers import Provider

# A request for a count that is silent for so long is broken.
_STALL_S: Final = 20.0
_STORES: Final = frozenset({"openai", "openai-chat", "openai-responses", "azure", "azure-responses"})


def open_wire(card: ModelCard, key: Secret | None) -> VendorWire:
    """A wire to a model. Nothing is sent yet.

    Raises:
        ModelNotConfiguredError: when the library for it is not installed, its provider is unknown, its key is missing,
            or it is on another machine and $DCR_OFFLINE is set.
    """
    try:
        import pydantic_ai.models  # noqa: F401
    except ImportError as missing:
        raise ModelNotConfiguredError(f"{card.id}: the clients for models are not installed", INSTALL_HINT) from missing
    return VendorWire(card, key, _build(card, key))


def _build(card: ModelCard, key: Secret | None) -> Model:
    """The library's model for a card, with the endpoint and the key that the card names."""
    from pydantic_ai.exceptions import UnsupportedSettingWarning, UserError
    from pydantic_ai.models import infer_model

    # Some clients have no timeout or retries to set; our own policy holds for them all the same.
    warnings.filterwarnings("ignore", category=UnsupportedSettingWarning)
    try:
        if card.provider == "openai-compatible":
            model = _compatible(card, key)
        else:
            model = infer_model(card.ref, lambda name: provider_of(name, card, key))
    except UserError as fault:
        names = " or ".join(variables(card))
        hint = f"set {names}, in the environment or in .env" if key is None and names else "see 'dcr models'"
        raise ModelNotConfiguredError(f"{card.id}: {str(fault).split('To try Pydantic AI')[0].strip()}", hint) from None
    except ImportError as missing:
        raise ModelNotConfiguredError(f"{card.id}: {missing}", INSTALL_HINT) from missing
    if refused(model.base_url or ""):
        raise ModelNotConfiguredError(
            f"{card.id}: {model.base_url} is not on this machine, and ${OFFLINE_VARIABLE} is set"
        )
    return model


def provider_of(name: str, card: ModelCard, key: Secret | None) -> Provider[Any]:
    """The library's provider, with our key and address where there are any."""
    from pydantic_ai.providers import infer_provider_class

    options: dict[str, Any] = {}
    address = own_base_url(card)
    if address is not None:
        options["base_url"] = address
    if key is not None:
        options["api_key"] = key.reveal()
    elif address is not None and (card.key_variable == "" or name in KEYLESS):
        options["api_key"] = "none"  # the clients demand one, a server of one's own does not
    try:
        return infer_provider_class(name)(**options)
    except ValueError:
        raise ModelNotConfiguredError(f"{card.id}: there is no provider '{name}'") from None
    except TypeError:
        raise ModelNotConfiguredError(f"{card.id}: provider '{name}' takes no {' and no '.join(options)}") from None


def _compatible(card: ModelCard, key: Secret | None) -> Model:
    """Any endpoint that speaks OpenAI's chat format."""
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    if card.base_url is None:
        raise ModelNotConfiguredError(f"{card.id}: an openai-compatible model needs a base_url in the catalogue")
    name = urlsplit(card.base_url).netloc
    provider = OpenAICompatibleProvider(name, base_url=card.base_url, api_key="none" if key is None else key.reveal())
    return OpenAIChatModel(card.model, provider=provider)


def _usual(provider: str, runs_code: bool) -> dict[str, Any]:
    """What a vendor has to be told that does otherwise by itself."""
    told: dict[str, Any] = {}
    if provider in _STORES:
        # Evidence is sent to be answered, not to be kept; and code that ran is of no use without what it printed.
        told["openai_store"] = False
        if runs_code:
            told["openai_include_code_execution_outputs"] = True
    if provider == "xai" and runs_code:
        told["xai_include_code_execution_output"] = True
    return told


class VendorWire:
    """One model over the client library: one request a `send`, streamed, checked to be whole."""

    def __init__(self, card: ModelCard, key: Secret | None, model: Model) -> None:
        self.card = card
        self._key = key
        self._model = model

    async def __aenter__(self) -> Self:
        await self._model.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._model.__aexit__(kind, fault, trace)

    async def send(self, exchange: Exchange, receipt: Receipt, timeout_s: float) -> Reply:
        """See `wire.Wire.send`."""
        call = self._call(exchange, timeout_s)
        response = await (self._stream if self.card.stream else self._plain)(call, receipt)
        reply = to_reply(response)
        receipt.snapshot = lambda: reply
        check_whole(response, self.card.id, reply.text, has_content=bool(reply.text or reply.message.calls))
        return reply

    async def _stream(self, call: dict[str, Any], receipt: Receipt) -> ModelResponse:
        """One streamed request; what has arrived is in the receipt at any moment."""
        from pydantic_ai.direct import model_request_stream
        from pydantic_ai.messages import PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta

        async with AsyncExitStack() as stack:
            with self._mapping_faults(receipt):
                stream = await stack.enter_async_context(model_request_stream(self._model, **call))
            receipt.snapshot = lambda: to_reply(stream.get())
            events = aiter(stream)
            while True:
                with self._mapping_faults(receipt):
                    event = await anext(events, None)
                if event is None:
                    return stream.get()
                if isinstance(event, PartStartEvent) and isinstance(event.part, TextPart):
                    receipt.on_text(event.part.content)
                elif isinstance(event, PartDeltaEvent) and isinstance(event.delta, TextPartDelta):
                    receipt.on_text(event.delta.content_delta)

    async def _plain(self, call: dict[str, Any], receipt: Receipt) -> ModelResponse:
        """One request whose answer comes in one piece, for endpoints that do not stream."""
        from pydantic_ai.direct import model_request

        with self._mapping_faults(receipt):
            response = await model_request(self._model, **call)
        receipt.on_text(response.text or "")
        return response

    @contextmanager
    def _mapping_faults(self, receipt: Receipt) -> Iterator[None]:
        """Turn what the library raises into our errors, with the text that had arrived."""
        try:
            yield
        except vendor_faults() as fault:
            raise to_provider_error(fault, self.card.id, self._key, receipt.snapshot().text) from fault

    def _call(self, exchange: Exchange, timeout_s: float) -> dict[str, Any]:
        """The arguments of the library's request functions."""
        return {
            "messages": to_messages(exchange.messages, bool(self._model.profile.get("supports_cache", False))),
            "model_settings": self._settings(exchange, timeout_s),
            "model_request_parameters": to_parameters(
                replace(exchange, run_code=self._runs_code(exchange)), self.card.answer_mode
            ),
        }

    def _runs_code(self, exchange: Exchange) -> bool:
        """Whether the provider is asked to run code: wanted, among the model's abilities, and possible on its wire.

        OpenAI's chat format has no way to ask for it, and Gemini before its third version none beside other tools.
        """
        from pydantic_ai.native_tools import CodeExecutionTool

        if not exchange.run_code or "code_execution" not in self.card.abilities:
            return False
        profile: dict[str, Any] = dict(self._model.profile)
        alone = profile.get("google_supports_tool_combination") is False and bool(exchange.tools or exchange.answer)
        return CodeExecutionTool in profile.get("supported_native_tools", ()) and not alone

    def _settings(self, exchange: Exchange, timeout_s: float) -> Any:
        """The request's settings; whatever the catalogue sets is kept where we set nothing."""
        ours: dict[str, Any] = {"max_retries": 0, "timeout": max(timeout_s, 0.05)}
        limits = [n for n in (exchange.max_output_tokens, self.card.max_output_tokens) if n is not None]
        if limits:
            ours["max_tokens"] = min(limits)
        if exchange.temperature is not None:
            ours["temperature"] = exchange.temperature
        if exchange.effort is not None:
            ours["thinking"] = exchange.effort
        if exchange.must_answer and exchange.tools:
            ours["tool_choice"] = "none"
        marked = any(passage.cache_after for message in exchange.messages for passage in message.passages)
        if marked or exchange.tools:
            ours["cache"] = True  # this request's beginning comes again, with the next turn or the tools' results
        return {**_usual(self.card.provider, self._runs_code(exchange)), **self.card.settings, **ours}

    async def count_tokens(self, exchange: Exchange) -> TokenCount:
        """See `wire.Wire.count_tokens`."""
        try:
            with self._mapping_faults(Receipt()):
                counted = await self._model.count_tokens(**self._call(exchange, _STALL_S))
        except NotImplementedError:
            return TokenCount(estimate_exchange(exchange), exact=False, method=ESTIMATE_METHOD)
        if self.card.provider == "google" and (exchange.instructions or exchange.tools or exchange.answer):
            # Its counter takes neither instructions nor tools.
            rest = estimate_exchange(exchange) - sum(estimate_tokens(m.text) for m in exchange.messages)
            return TokenCount(counted.input_tokens + rest, False, "counted; instructions and tools estimated")
        return TokenCount(counted.input_tokens, exact=True, method="counted by the provider")

"""A stub of the four wires over which models are reached, scripted by tests and served on a loopback port.

Gemini `generateContent` (/v1 and /v1beta), OpenAI chat completions, OpenAI responses, Anthropic messages: each as a
stream and as one document, with tool calls, typed answers, usage, and the faults that real endpoints show.

    stub.script(Say("It is the lock."))                  # the next request, whichever wire it comes over
    stub.script(RateLimited(retry_after_s=1), Say("ok"))
    stub.script(CallTool("query", {"sql": "SELECT 1"}), Typed({"cause": "lock"}), model="deep")
    stub.requests[-1].texts                              # what was sent to it

Formats: ai.google.dev/api/generate-content, platform.openai.com/docs/api-reference/chat and /responses-streaming,
docs.anthropic.com/en/api/messages-streaming.
"""

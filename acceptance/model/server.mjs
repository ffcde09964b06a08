// A real, tiny language model behind OpenAI's chat completions, as streams and whole: `node server.mjs WEIGHTS.gguf [THREADS]`.
//
// Prints its port and serves until stdin ends. What is asked for as JSON (`response_format`, or a choice of `tools`) is held
// to its schema by a grammar while it is written, so that it always parses; whether it is right is the model's affair.
// A request whose client goes away stops. GET /seen says how many requests there were, and how many were stopped.

import http from "node:http";
import {LlamaChatSession, LlamaLogLevel, getLlama} from "node-llama-cpp";

const CONTEXT_TOKENS = 8192;
const THREADS = Number(process.argv[3] ?? 2);
const MAX_TOKENS = 1024;
// A schema without bounds is one that a small model never comes to the end of.
const MAX_STRING = 24;
const MAX_ITEMS = 1;

const llama = await getLlama({gpu: false, maxThreads: THREADS, build: "never", logLevel: LlamaLogLevel.error});
const model = await llama.loadModel({modelPath: process.argv[2]});
const context = await model.createContext({contextSize: CONTEXT_TOKENS, threads: THREADS});
const sequence = context.getSequence();
const seen = {requests: 0, stopped: 0};
let turn = Promise.resolve(); // one request at a time: there is one sequence

class Refusal extends Error {
    constructor(status, code, message) {
        super(message);
        this.status = status;
        this.code = code;
    }
}

/** A JSON schema as the grammar takes it: references resolved, alternatives as `oneOf`, everything of bounded length. */
function bounded(schema, defs) {
    if (schema.$ref) return bounded(defs[schema.$ref.split("/").pop()], defs);
    const options = schema.anyOf ?? schema.oneOf;
    if (options) return {oneOf: options.map((option) => bounded(option, defs))};
    if (schema.const !== undefined || schema.enum) return schema.enum ? {enum: schema.enum} : {const: schema.const};
    if (schema.type === "array") return {type: "array", items: bounded(schema.items ?? {type: "string"}, defs), maxItems: MAX_ITEMS};
    if (schema.type === "object" || schema.properties) {
        const fields = Object.entries(schema.properties ?? {}).map(([name, field]) => [name, bounded(field, defs)]);
        return {type: "object", properties: Object.fromEntries(fields)};
    }
    return schema.type === "string" ? {type: "string", maxLength: MAX_STRING} : {type: schema.type ?? "null"};
}

const object = (properties) => ({type: "object", properties});

/** What the reply is held to: [schema, how to read it]; undefined for plain text. */
function form(body) {
    const wanted = body.response_format?.json_schema?.schema;
    const answer = wanted && bounded(wanted, wanted.$defs ?? {});
    const tools = body.tool_choice === "none" ? [] : (body.tools ?? []).map((tool) => tool.function);
    if (tools.length === 0) return answer && [answer, (text) => ({content: text})];
    const calls = tools.map(({name, parameters}) =>
        object({tool: {const: name}, arguments: bounded(parameters, parameters.$defs ?? {})}));
    const choices = answer ? [object({answer}), ...calls] : calls;
    return [{oneOf: choices}, (text) => {
        const said = JSON.parse(text);
        if (said.answer) return {content: JSON.stringify(said.answer)};
        const call = {name: said.tool, arguments: JSON.stringify(said.arguments)};
        return {content: null, tool_calls: [{index: 0, id: `call-${seen.requests}`, type: "function", function: call}]};
    }];
}

/** The conversation as the model's template takes it; a tool's result is something that the user says. */
function history(messages) {
    const text = (message) => [message.content ?? "", ...(message.tool_calls ?? []).map((call) => JSON.stringify(call.function))]
        .flatMap((part) => typeof part === "string" ? part : part.map((piece) => piece.text)).join("\n");
    return messages.map((message) =>
        message.role === "assistant" ? {type: "model", response: [text(message)]}
            : message.role === "system" ? {type: "system", text: text(message)} : {type: "user", text: text(message)});
}

async function complete(body, signal, onText) {
    const said = history(body.messages);
    const maxTokens = Math.min(body.max_completion_tokens ?? body.max_tokens ?? MAX_TOKENS, MAX_TOKENS);
    const prompt = said.map((entry) => entry.text ?? entry.response[0]).join("\n");
    const tokens = model.tokenize(prompt).length + 8 * said.length;
    if (tokens + maxTokens > CONTEXT_TOKENS)
        throw new Refusal(400, "context_length_exceeded", `prompt is too long: ${tokens} tokens > ${CONTEXT_TOKENS} maximum`);
    const held = form(body);
    const last = said.pop();
    await sequence.clearHistory();
    const session = new LlamaChatSession({contextSequence: sequence});
    session.setChatHistory(said);
    const before = sequence.tokenMeter.getState();
    try {
        const written = await session.promptWithMeta(last.text ?? "", {
            maxTokens, signal, stopOnAbortSignal: true, temperature: body.temperature ?? 0, seed: 7,
            grammar: held && await llama.createGrammarForJsonSchema(held[0]), onTextChunk: held ? undefined : onText,
        });
        const cut = written.stopReason === "maxTokens";
        const message = held && !cut ? held[1](written.responseText) : {content: written.responseText};
        const used = sequence.tokenMeter.diff(before);
        const usage = {prompt_tokens: used.usedInputTokens, completion_tokens: used.usedOutputTokens,
            total_tokens: used.usedInputTokens + used.usedOutputTokens};
        return {message, usage, finish: cut ? "length" : message.tool_calls ? "tool_calls" : "stop"};
    } finally {
        session.dispose({disposeSequence: false});
    }
}

async function answer(request, response) {
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = JSON.parse(Buffer.concat(chunks).toString());
    const gone = new AbortController();
    response.on("close", () => response.writableEnded || gone.abort());
    seen.requests += 1;
    response.setHeader("content-type", body.stream ? "text/event-stream" : "application/json");
    const kind = body.stream ? "chat.completion.chunk" : "chat.completion";
    const frame = (fields) => ({id: `chat-${seen.requests}`, object: kind, created: 0, model: "smollm2-135m-q4", ...fields});
    const send = (fields) => response.write(`data: ${JSON.stringify(frame(fields))}\n\n`);
    const choice = (delta, finish = null) => ({choices: [{index: 0, delta, finish_reason: finish}]});
    // A long prompt takes a while before the first word; silence would look like a broken connection.
    const waiting = body.stream && setInterval(() => response.write(": reading\n\n"), 15_000);
    const done = turn.then(() => complete(body, gone.signal, (text) => body.stream && send(choice({content: text}))));
    turn = done.catch(() => undefined);
    try {
        const {message, usage, finish} = await done;
        if (gone.signal.aborted) seen.stopped += 1;
        else if (!body.stream) {
            response.end(JSON.stringify(frame({choices: [{index: 0, message: {role: "assistant", ...message}, finish_reason: finish}], usage})));
        } else {
            if (body.response_format || message.tool_calls || body.tools) send(choice(message));
            send(choice({}, finish));
            send({choices: [], usage});
            response.end("data: [DONE]\n\n");
        }
    } catch (fault) {
        seen.stopped += gone.signal.aborted ? 1 : 0;
        if (response.headersSent) return response.destroy();
        response.statusCode = fault.status ?? 500;
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({error: {message: fault.message, type: "invalid_request_error", code: fault.code ?? null}}));
    } finally {
        clearInterval(waiting);
    }
}

const server = http.createServer((request, response) => {
    if (request.method === "POST") answer(request, response);
    else response.end(JSON.stringify(request.url === "/seen" ? seen : {object: "list", data: [{id: "tiny", object: "model"}]}));
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.on("end", () => process.exit(0)).resume();

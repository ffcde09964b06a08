"""The libraries of messages, as data: which calls, annotations and objects name a topic, a queue, a stream.

Kafka (kafka-python, aiokafka, confluent, kafkajs, Spring, kafka-clients, Streams, sarama, kafka-go, franz-go, rdkafka,
Karafka, Racecar), RabbitMQ (pika, aio-pika, amqplib, Spring, amqp091, RabbitMQ.Client, MassTransit, bunny, Sneakers,
php-amqplib), SQS and SNS, EventBridge, NATS, Redis, Celery, BullMQ, Sidekiq, Laravel, NestJS, FastStream, Watermill,
Dapr, Pub/Sub, Service Bus.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from re import Pattern
from typing import Final


@dataclass(frozen=True, slots=True)
class TopicCall:
    """A call, mark or object that names a topic: of which system, in files that mention what (in small letters), and
    where the name is."""

    system: str
    mentions: tuple[str, ...]
    name: Pattern[str]
    sends: bool
    places: tuple[int | str, ...]


def _row(system: str, mentions: str, name: str, sends: bool, *places: int | str) -> TopicCall:
    return TopicCall(system, tuple(mentions.split()), re.compile(f"^(?:{name})$"), sends, places)


_KAFKA: Final = "kafka karafka sarama kgo. waterdrop send_and_wait"
_RABBIT: Final = "rabbit amqp pika bunny kombu basic_publish basic_consume sendtoqueue"
_AWS: Final = "sqs sns @aws-sdk boto amazonaws awssdk"
_REDIS: Final = "redis valkey"
_GO_REDIS: Final = "go-redis redis/v"
_BULL: Final = "bullmq 'bull' \"bull\""
_BUS: Final = "servicebus"

_EVENTS: Final = "eventbridge put_events"
_MQTT: Final = "mqtt"
_JVM_RABBIT: Final = "springframework.amqp micronaut.rabbitmq rabbitlistener"

# What stands between an application and any system names none (''). Names (`topic`) are arguments by name or fields,
# `**topic` fields at whatever depth; `*` is every argument by position. The first that is found counts.
# What begins with `@` is of marks alone: `@Queue("x")` receives, `new Queue("x")` declares.
TOPIC_CALLS: Final = (
    _row("kafka", "kafka", "@TopicPartition", False, "topic"),
    _row("kafka", "faust", "agent", False, 0),
    _row("kafka", "faust", "send", True, "@0"),
    _row("kafka", "kafka::", "onTopic", True, 0),
    _row("rabbitmq", "phpamqplib", "basic_publish", True, "1+2"),
    _row("rabbitmq", "kombu", "publish", True, "exchange+routing_key"),
    _row("rabbitmq", "kombu", "Consumer", False, "queues"),
    _row("rabbitmq", _JVM_RABBIT, "@Queue", False, "value", "name", 0),
    _row("rabbitmq", "springframework.amqp queuebinding", "@Exchange", False, "value", "name", 0),
    _row("rabbitmq", "micronaut.rabbitmq", "@RabbitClient|@Binding", True, 0),
    _row("rabbitmq", "golevelup", "RabbitSubscribe|RabbitRPC", False, "queue", "exchange"),
    _row("rabbitmq", "golevelup", "publish", True, "0+1"),
    _row("rabbitmq", "rabbittemplate", "send", True, "0+1"),
    _row("rabbitmq", "hutch", "publish", True, 0),
    _row("rabbitmq", "hutch", "consume", False, "*"),
    _row("mqtt", _MQTT, "publish|Publish|publishAsync|PublishAsync|PublishStringAsync", True, "topic", 0),
    _row("mqtt", _MQTT, "subscribe|Subscribe|subscribeAsync|SubscribeAsync", False, "topic", 0),
    _row("nsq", "nsq", "NewConsumer", False, 0),
    _row("nsq", "nsq", "Publish|PublishAsync", True, 0),
    _row("rq", "rq.queue rqworker enqueue(", "Queue", True, 0),
    _row("camel", "camel", "from|fromF", False, 0),
    _row("camel", "camel", "to|toD|toF|wireTap", True, 0),
    _row("stream", "streambridge", "send", True, 0),
    _row("sqs", "sqstemplate", "send|sendAsync|queue", True, 0),
    _row("pulsar", "pulsartemplate", "send|sendAsync", True, 0),
    _row("sqs", "chalice", "on_sqs_message|on_sns_message", False, "queue", "topic"),
    _row("dramatiq", "dramatiq", "actor", False, "queue_name"),
    _row("", "wolverine", "ListenToRabbitQueue|ListenToKafkaTopic|ListenToAzureServiceBusQueue", False, 0),
    _row("", "wolverine", "ToRabbitQueue|ToRabbitExchange|ToKafkaTopic|ToAzureServiceBusQueue", True, 0),
    _row("", "masstransit", "GetSendEndpoint", True, 0),
    _row("kafka", "masstransit", "AddProducer", True, 0),
    _row("kafka", "masstransit", "TopicEndpoint", False, 0),
    _row(
        "servicebus",
        "@azure/functions",
        "serviceBusQueue|storageQueue|serviceBusTopic",
        False,
        "queueName",
        "topicName",
    ),
    _row("kafka", _KAFKA, "sendBatch", True, "**topic"),
    _row("kafka", _KAFKA, "send|send_and_wait", True, "topic", 0),
    _row("kafka", _KAFKA, "produce|Produce|ProduceAsync|deliver_message|produce_sync|produce_async", True, "topic", 0),
    _row("kafka", _KAFKA, "ProducerRecord|DefaultProduceTopic|AddTopic", True, 0),
    _row("kafka", _KAFKA, "ProducerMessage|Message|Writer|WriterConfig|TopicPartition|Record", True, "Topic"),
    _row("kafka", "rdkafka", "to", True, 0),
    _row("kafka", "rdkafka", "newTopic", True, 0),
    _row("kafka", _KAFKA, "KafkaConsumer|AIOKafkaConsumer", False, "*"),
    _row("kafka", _KAFKA, "subscribe|Subscribe|SubscribeTopics|subscribeTopics", False, "topic", "topics", 0),
    _row("kafka", _KAFKA, "ReaderConfig", False, "Topic", "GroupTopics"),
    _row("kafka", "sarama", "Consume", False, 1),
    _row("kafka", "sarama", "ConsumePartition", False, 0),
    _row("kafka", _KAFKA, "ConsumeTopics", False, "*"),
    _row("kafka", _KAFKA, "each_message|each_batch", False, "topic"),
    _row("kafka", _KAFKA, "KafkaListener", False, "topics", "value", 0),
    _row("kafka", "micronaut", "Topic", False, 0),
    _row("kafka", "karafka", "topic", False, 0),
    _row(
        "rabbitmq",
        _RABBIT,
        "basic_publish|basicPublish|BasicPublish|BasicPublishAsync",
        True,
        "exchange+routing_key",
        "exchange+routingKey",
        "0+1",
    ),
    _row("rabbitmq", _RABBIT, "sendToQueue", True, 0),
    _row("rabbitmq", _RABBIT, "PublishWithContext", True, "1+2"),
    _row("rabbitmq", _RABBIT, "publish", True, "@exchange", "routing_key", "0+1"),
    _row("rabbitmq", _RABBIT, "publish|Publish", True, "routing_key", "0+1"),
    _row("pulsar", "pulsar", "PulsarListener|PulsarReader", False, "topics", "value", 0),
    _row("pulsar", "pulsar", "create_producer|createProducer|CreateProducer", True, "topic", "Topic", 0),
    _row("pulsar", "pulsar", "Subscribe|subscribe", False, "topic", "Topic", 0),
    _row("cap", "dotnetcore.cap", "CapSubscribe", False, 0),
    _row("cap", "dotnetcore.cap", "Publish|PublishAsync", True, 0),
    _row("asynq", "asynq", "NewTask", True, 0),
    _row("rabbitmq", "rabbit", "convertAndSend|convertSendAndReceive", True, "0+1"),
    _row(
        "rabbitmq",
        _RABBIT,
        "basic_consume|basicConsume|BasicConsume|BasicConsumeAsync|consume|Consume",
        False,
        "queue",
        0,
    ),
    _row("rabbitmq", _RABBIT, "queue_bind|queueBind|QueueBind|QueueBindAsync|bindQueue", False, "exchange", 1),
    _row("rabbitmq", _RABBIT, "RabbitListener", False, "queues", "value", 0),
    _row(
        "sqs",
        _AWS,
        "send_message|sendMessage|SendMessageCommand|SendMessageInput|SendMessageRequest|send_message_batch",
        True,
        "QueueUrl",
        "queue_url",
        0,
    ),
    _row(
        "sqs",
        _AWS,
        "receive_message|receiveMessage|ReceiveMessageCommand|ReceiveMessageInput|ReceiveMessageRequest",
        False,
        "QueueUrl",
        "queue_url",
        0,
    ),
    _row("kafka", "kafka.streams", "stream|globalTable", False, 0),
    _row("kafka", "kafka.streams", "to", True, 0),
    _row("kafka", "racecar", "subscribes_to", False, "*"),
    _row("rabbitmq", "sneakers", "from_queue", False, 0),
    _row("rabbitmq", "aio_pika aio-pika", "declare_queue", False, "name", 0),
    _row("rabbitmq", "masstransit", "ReceiveEndpoint", False, 0),
    _row("", "faststream", "subscriber", False, "*"),
    _row("", "faststream", "publisher", True, 0),
    _row("", "faststream", "publish", True, "topic", "queue", "subject", "channel", 1),
    _row("pubsub", "pubsub", "topic_path|topicPath", True, 1),
    _row("pubsub", "pubsub", "topic|Topic|Publisher", True, 0),
    _row("pubsub", "pubsub", "Subscription|Subscriber", False, 0),
    _row("pubsub", "pubsub", "subscription_path|subscriptionPath|subscription", False, 1, 0),
    _row("", "watermill", "Publish", True, 0),
    _row("", "watermill", "Subscribe", False, 1),
    _row("", "watermill", "AddNoPublisherHandler|AddHandler", False, 1),
    _row("dapr", "dapr", "Topic", False, 1),
    _row("dapr", "dapr", "PublishEventAsync|publish_event|publish", True, "topic_name", 1),
    _row(
        "",
        "azure.functions microsoft.azure servicebustrigger kafkatrigger queuetrigger",
        "ServiceBusTrigger|KafkaTrigger|QueueTrigger|EventHubTrigger",
        False,
        0,
    ),
    _row("", "azure.functions microsoft.azure", "ServiceBusOutput|QueueOutput|EventHubOutput", True, 0),
    _row("", "azure.functions microsoft.azure", "KafkaOutput", True, 1),
    _row("sqs", "shoryuken", "shoryuken_options", False, "queue"),
    _row("rabbitmq", _RABBIT, "subscribe|pop", False, "@0"),
    _row("", "jms kafka rabbit amqp", "SendTo", True, "value", 0),
    _row("sqs", _AWS, "receive_messages|process_messages", False, "@QueueName"),
    _row("sqs", _AWS, "send_messages|send_message", True, "@QueueName"),
    _row("sns", _AWS, "publish", True, "@Name"),
    _row("sqs", "sqs", "SqsListener", False, "value", "queueNames", 0),
    _row("sns", _AWS, "publish|PublishCommand|PublishInput|PublishRequest", True, "TopicArn"),
    _row("nats", "nats", "publish|Publish|PublishAsync|request|Request|PublishMsg", True, "subject", 0, 1),
    _row("nats", "nats", "ConsumerConfig", False, "FilterSubject", "filter_subject"),
    _row(
        "nats",
        "nats",
        "subscribe|Subscribe|QueueSubscribe|SubscribeAsync|PullSubscribe|queue_subscribe",
        False,
        "subject",
        0,
    ),
    _row("redis", _REDIS, "publish|PublishAsync", True, 0),
    _row("redis", _GO_REDIS, "Publish", True, 1),
    _row("redis", _REDIS, "xadd|xAdd|StreamAdd|StreamAddAsync", True, 0),
    _row("redis", _REDIS, "XAddArgs", True, "Stream"),
    _row("redis", _REDIS, "subscribe|psubscribe|pSubscribe|SubscribeAsync", False, "*"),
    _row("redis", _GO_REDIS, "Subscribe|PSubscribe", False, 1),
    _row(
        "redis",
        _REDIS,
        "xread|xReadGroup|xreadgroup|xRead|StreamRead|StreamReadGroup|StreamReadGroupAsync",
        False,
        "streams",
        "key",
    ),
    _row("redis", _REDIS, "XReadArgs|XReadGroupArgs", False, "Streams"),
    _row("celery", "celery", "send_task|signature|subtask", True, "name", 0),
    _row("bullmq", _BULL, "Queue", True, 0),
    _row("bullmq", _BULL, "add|addBulk", True, "**queueName"),
    _row("sidekiq", "sidekiq", "sidekiq_options", False, "queue"),
    _row("sidekiq", "sidekiq", "push|push_bulk", True, "queue"),
    _row("laravel", "illuminate\\ app\\jobs", "onQueue|pushOn", True, 0),
    _row("eventbridge", _EVENTS, "PutEventsCommand|put_events|putEvents", True, "**DetailType", "**detail_type"),
    _row("eventbridge", _EVENTS, "PutEventsRequestEntry", True, "DetailType"),
    _row("eventbridge", _EVENTS, "detailType", True, 0),
    _row("bullmq", "bull", "InjectQueue", True, 0),
    _row("bullmq", _BULL, "Worker|Processor", False, 0),
    _row("", "@nestjs/microservices", "emit|send", True, 0),
    _row("", "@nestjs/microservices", "MessagePattern|EventPattern", False, 0),
    _row(
        "servicebus",
        _BUS,
        "CreateSender|createSender|get_queue_sender|get_topic_sender",
        True,
        "queue_name",
        "topic_name",
        0,
    ),
    _row(
        "servicebus",
        _BUS,
        "CreateProcessor|CreateReceiver|createReceiver|get_queue_receiver|get_subscription_receiver",
        False,
        "queue_name",
        "topic_name",
        0,
    ),
    _row("jms", "jms", "JmsListener", False, "destination", 0),
    _row("jms", "jmstemplate", "convertAndSend|send", True, 0),
)
# What a client of messages is called where only another file tells which one it is.
ROLE: Final = re.compile(
    r"(?i)(?:producer|consumer|publisher|subscriber|kafka|nats|rabbit|redis|sqs|sns|queue|channel|bus|stream|broker|client|emitter|events?)\w*(?:\(\))?$"
)
NAMED: Final = frozenset(name for row in TOPIC_CALLS for name in row.name.pattern.strip("^$()?:").split("|"))
MENTIONS: Final = frozenset(word for row in TOPIC_CALLS for word in row.mentions)


def rows_of(words: Collection[str]) -> list[TopicCall]:
    """The calls of the libraries that are mentioned by these words."""
    return [row for row in TOPIC_CALLS if any(word in words for word in row.mentions)] if words else []

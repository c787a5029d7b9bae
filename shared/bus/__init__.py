"""The bus: messages to durable queues and back, over RabbitMQ or inside one process, with the same promises."""

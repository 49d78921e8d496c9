// Publishes an upload: node publish.mjs VIDEO_ID SOURCE
import { Kafka, logLevel } from "kafkajs";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";

const brokers = process.env.REELAY_KAFKA_BROKERS.split(",");
const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR });
const registry = new SchemaRegistry({ host: process.env.REELAY_REGISTRY_URL });
const producer = kafka.producer();

const [video_id, source] = process.argv.slice(2);
const schema = await registry.getLatestSchemaId("reelay.video.uploaded-value");
const value = await registry.encode(schema, { video_id, source });
await producer.connect();
await producer.send({ topic: "reelay.video.uploaded", messages: [{ value }] });
await producer.disconnect();

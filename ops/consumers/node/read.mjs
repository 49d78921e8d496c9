// Prints every event of the topics on the command line, from the beginning and then as they come.
import { Kafka, logLevel } from "kafkajs";
import { SchemaRegistry } from "@kafkajs/confluent-schema-registry";

const brokers = process.env.REELAY_KAFKA_BROKERS.split(",");
const kafka = new Kafka({ brokers, logLevel: logLevel.ERROR });
const registry = new SchemaRegistry({ host: process.env.REELAY_REGISTRY_URL });
const consumer = kafka.consumer({ groupId: "my-node-program" });

process.once("SIGINT", () => consumer.disconnect());
await consumer.connect();
await consumer.subscribe({ topics: process.argv.slice(2), fromBeginning: true });
await consumer.run({
  eachMessage: async ({ topic, message }) => {
    const key = message.key?.toString();
    const event = message.value && (await registry.decode(message.value)); // null: the key was deleted
    console.log(JSON.stringify({ topic, key, event }));
  },
});

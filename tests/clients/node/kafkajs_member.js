// A member of a consumer group: kafkajs (tests/clients/README.md says what members do).
'use strict'

const { Kafka, PartitionAssigners, logLevel } = require('kafkajs')

function tell(event, fields) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + '\n')
}

function argumentsOf(words) {
  return Object.fromEntries(words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)]))
}

// kafkajs has one assignor, of its own, which it calls RoundRobinAssigner.
function makeConsumer(asked) {
  const kafka = new Kafka({
    clientId: 'kafkajs',
    brokers: asked.bootstrap.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 1000, retries: 60 },
  })
  return kafka.consumer({
    groupId: asked.group,
    partitionAssigners: [PartitionAssigners.roundRobin],
    sessionTimeout: Number(asked.session_ms),
    heartbeatInterval: Number(asked.heartbeat_ms),
    rebalanceTimeout: 60000,
    maxWaitTimeInMs: 200,
    metadataMaxAge: 2000,
  })
}

// It tells that a rebalance begins, and what it owns after it: between the two it owns nothing.
function watch(consumer, topic) {
  let owned = []
  const revoked = () => {
    if (owned.length > 0) tell('revoked', { partitions: owned })
    owned = []
  }
  consumer.on(consumer.events.REBALANCING, revoked)
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    revoked()
    owned = payload.memberAssignment[topic] || []
    tell('assigned', { partitions: owned })
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => tell('error', { text: String(payload.error) }))
}

// What is not committed is fetched again.
async function handle(consumer, { batch, resolveOffset, heartbeat }) {
  for (const message of batch.messages) {
    const value = message.value.toString()
    tell('record', { partition: batch.partition, offset: Number(message.offset), value })
  }
  const next = Number(batch.lastOffset()) + 1
  await consumer.commitOffsets([{ topic: batch.topic, partition: batch.partition, offset: String(next) }])
  resolveOffset(batch.lastOffset())
  tell('committed', { offsets: { [batch.partition]: next } })
  await heartbeat()
}

async function main() {
  const asked = argumentsOf(process.argv.slice(2))
  const consumer = makeConsumer(asked)
  watch(consumer, asked.topic)
  process.stdin.once('data', async () => {
    await consumer.disconnect()
    process.exit(0)
  })
  await consumer.connect()
  await consumer.subscribe({ topics: [asked.topic], fromBeginning: true })
  await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: (given) => handle(consumer, given) })
}

main().catch((problem) => {
  tell('error', { text: String(problem) })
  process.exit(1)
})

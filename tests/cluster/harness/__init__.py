"""The testing ground: real ZooKeeper, brokers of two makes, real clients and a raw protocol client.

One idea per module:

  environment   where programs, jars and build output are; why something cannot be run here
  wait          conditions with deadlines; the only place that sleeps
  ports         free ports
  process       one child process: its log, signals, death
  zookeeper     a ZooKeeper server
  broker        a broker, Barnabas or Kafka, with its config and directories
  cluster       several brokers on one chroot
  zkcheck       what they left in ZooKeeper is sound
  wire          the primitive types of the protocol
  requests      encoders and decoders of the requests that the tests send by hand
  rawclient     a connection that sends whatever it is told to
  records       record sets of every magic, good and bad
  clients       the real clients (Java, Python, kcat) behind one interface
  makes         the programs that are members of groups, by make of client
  members       such members as processes, and what a group of them must hold to
  messages      the messages that every client driver sends, known on both sides by their number
"""

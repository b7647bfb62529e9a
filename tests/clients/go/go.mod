module barnabas.tests/clients

// Debian 12's compiler is Go 1.19: the versions here build with it.
go 1.19

require (
	github.com/IBM/sarama v1.40.1
	github.com/twmb/franz-go v1.15.4
)

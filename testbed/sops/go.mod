module bootstrap.test/testbed/sops

go 1.24.0

tool (
	filippo.io/age/cmd/age
	filippo.io/age/cmd/age-keygen
	github.com/getsops/sops/v3/cmd/sops
)

require (
	filippo.io/age v1.3.1
	github.com/getsops/sops/v3 v3.13.3
)

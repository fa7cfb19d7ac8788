module bootstrap.test/testbed/external-secrets

go 1.24.0

tool github.com/external-secrets/external-secrets

require github.com/external-secrets/external-secrets v0.19.2

// Replacements of the module's own go.mod, which count only where it is the main module.
replace (
	github.com/Masterminds/sprig/v3 => github.com/external-secrets/sprig/v3 v3.3.0
	github.com/previder/vault-cli => github.com/previder/vault-cli v0.1.2
)

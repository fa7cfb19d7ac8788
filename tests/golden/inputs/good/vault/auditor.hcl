# Who looks at what is there and sees no value.
path "secret/metadata/*" {
  capabilities = ["list"]
}

path "sys/mounts" { capabilities = ["read"] }

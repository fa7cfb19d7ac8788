path "secret/data/applications/shop/*" {
  capabilities = ["read"]
}

"""The WeChat Official Account (公众号): messages and events in, passive and customer-service messages out."""

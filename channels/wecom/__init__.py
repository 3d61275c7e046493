"""WeCom (企业微信): application messages for members, and 微信客服 for everybody who uses WeChat. Encryption and signatures are WeChat's."""

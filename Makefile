# 产教通: `make run` serves the assistant, `make test` passes all tests, `make help` lists the rest.
SHELL := /bin/bash
PORT ?= 5005
export RASA_TELEMETRY_ENABLED = false
export SQLALCHEMY_SILENCE_UBER_WARNING = 1
PY := .venv/bin/python

.PHONY: help run test ask train eval bench lint validate lock clean setup web

help: ## 列出全部命令
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /  make \1\t/' | expand -t 18

run: .venv/installed ## 准备好一切并启动服务(端口 PORT,默认 5005)
	@bash web/build.sh || true
	@PORT=$(PORT) $(PY) -m bot run

ask: .venv/installed ## 在终端问一个问题:make ask Q="实习给不给钱?"
	@$(PY) -m bot ask "$(Q)"

web: ## 生成聊天页(要 Node.js 20.19 以上;没有就用简版)
	@bash web/build.sh

train: .venv/installed ## 只训练(输入没变就不训练)
	@$(PY) -m bot train

test: .venv/installed-dev ## 运行全部测试
	@echo "· 准备模型"
	@$(PY) -m bot train
	@bash web/build.sh || [ -z "$$CI" ]
	@echo "· 检查代码"
	@$(MAKE) --no-print-directory lint
	@echo "· 运行测试"
	@$(PY) -m pytest -n auto --dist loadfile

lint: .venv/installed-dev ## 代码检查:ruff、mypy、import-linter
	@.venv/bin/ruff check . && .venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache > .venv/lint-imports.txt || (cat .venv/lint-imports.txt; exit 1)

validate: .venv/installed ## 检查 Rasa 训练数据(有警告即失败)
	@.venv/bin/rasa data validate --domain bot/domain --config config.yml --data data --fail-on-warnings

eval: .venv/installed-dev ## 回答质量:没见过的问题
	@$(PY) -m benchmarks.evaluate

bench: .venv/installed-dev ## 速度、启动、内存,与 Rasa 默认配置并排比较
	@$(PY) -m benchmarks.run

lock: ## 重新生成锁文件(需要 uv)
	uv pip compile pyproject.toml --python-version 3.10 --python-platform x86_64-unknown-linux-gnu --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -o requirements.lock
	uv pip compile pyproject.toml --extra dev --python-version 3.10 --python-platform x86_64-unknown-linux-gnu --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --no-header -c requirements.lock -o requirements-dev.lock

clean: ## 删除虚拟环境、模型和本地数据
	rm -rf .venv models var .rasa web/dist web/node_modules

setup: .venv/installed ## 只安装依赖

.venv/installed: requirements.lock deploy/install.sh
	@bash deploy/install.sh requirements.lock .venv/installed

.venv/installed-dev: requirements-dev.lock requirements.lock deploy/install.sh
	@bash deploy/install.sh requirements-dev.lock .venv/installed-dev .venv/installed

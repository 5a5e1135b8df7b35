# What people type. Everything but the demo is a task of `cargo xtask`, written in Rust in crates/xtask.

TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo test bench fmt

help:
	@echo 'make demo    the whole voyage on this machine: start, back up, prove, destroy, restore'
	@echo 'make test    get the real servers, then everything that CI runs'
	@echo 'make bench   speed against the vendors'\'' own tools'
	@echo 'make fmt     format every Rust file'

demo:
	cargo xtask servers --demo
	cargo build --release --locked -p roadstead
	$(TARGET)/release/roadstead demo

test:
	cargo xtask check

bench:
	bench/all

# rustfmt by file, because `cargo fmt` does not see modules that a macro declares.
fmt:
	git ls-files -z -co --exclude-standard '*.rs' | xargs -0 rustfmt --edition 2024

"""Bases, courses and slots, holds, bookings, the waiting list, the vault, the audit trail and the outbox."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=24), nullable=False),
        sa.Column("slot_id", sa.Integer()),
        sa.Column("booking", sa.String(length=16)),
        sa.Column("person_id", sa.Integer()),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_events")),
    )
    op.create_index(op.f("ix_audit_events_booking"), "audit_events", ["booking"])
    op.create_index(op.f("ix_audit_events_person_id"), "audit_events", ["person_id"])
    op.create_index(op.f("ix_audit_events_slot_id"), "audit_events", ["slot_id"])
    op.create_table(
        "bases",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("level", sa.String(length=8), nullable=False),
        sa.Column("mode", sa.String(length=8), nullable=False),
        sa.Column("functions", sa.JSON(), nullable=False),
        sa.Column("services", sa.JSON(), nullable=False),
        sa.Column("city", sa.String(length=32), nullable=False),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("latitude", sa.Float()),
        sa.Column("longitude", sa.Float()),
        sa.Column("phone", sa.String(length=40), nullable=False),
        sa.Column("opening", sa.JSON(), nullable=False),
        sa.Column("is_example", sa.Boolean(), nullable=False),
        sa.CheckConstraint("level IN ('省级', '市级', '县级')", name=op.f("ck_bases_level")),
        sa.CheckConstraint("mode IN ('院校主导', '企业主导', '园区主导')", name=op.f("ck_bases_mode")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bases")),
        sa.UniqueConstraint("reference", name=op.f("uq_bases_reference")),
    )
    op.create_index(op.f("ix_bases_city"), "bases", ["city"])
    op.create_table(
        "idempotency_keys",
        sa.Column("actor", sa.String(length=60), nullable=False),
        sa.Column("key", sa.String(length=80), nullable=False),
        sa.Column("command", sa.String(length=24), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("result", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"])
    op.create_table(
        "people",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(length=64)),
        sa.Column("address", sa.String(length=40)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("owner", name=op.f("uq_people_owner")),
    )
    op.create_table(
        "vault",
        sa.Column("token", sa.String(length=40), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("sealed", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_vault")),
    )
    op.create_index(op.f("ix_vault_digest"), "vault", ["digest"])
    op.create_index(op.f("ix_vault_expires_at"), "vault", ["expires_at"])
    op.create_index(op.f("ix_vault_owner"), "vault", ["owner"])
    op.create_table(
        "blocked_periods",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.String(length=120), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_blocked_periods_order")),
        sa.ForeignKeyConstraint(["base_id"], ["bases.id"], name=op.f("fk_blocked_periods_base_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blocked_periods")),
        sa.UniqueConstraint(
            "base_id", "starts_at", "ends_at", name=op.f("uq_blocked_periods_base_id_starts_at_ends_at")
        ),
    )
    op.create_table(
        "courses",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("service", sa.String(length=24), nullable=False),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("level", sa.String(length=24), nullable=False),
        sa.Column("audience", sa.String(length=120), nullable=False),
        sa.Column("fee_kind", sa.String(length=8), nullable=False),
        sa.Column("fee_clause", sa.String(length=40), nullable=False),
        sa.Column("price", sa.String(length=80)),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("min_party", sa.Integer(), nullable=False),
        sa.Column("max_party", sa.Integer(), nullable=False),
        sa.CheckConstraint("fee_kind IN ('公益', '有偿')", name=op.f("ck_courses_fee_kind")),
        sa.CheckConstraint(
            "service IN ('技能实习实训', '技能竞赛', '技能鉴定', '职业技能培训考核评价', '创业培训与孵化', "
            "'师资培养培训', '课程研发', '职业安全教育', '科技创新', '成果转化')",
            name=op.f("ck_courses_service"),
        ),
        sa.CheckConstraint("1 <= min_party AND min_party <= max_party", name=op.f("ck_courses_party")),
        sa.CheckConstraint("minutes > 0", name=op.f("ck_courses_minutes")),
        sa.ForeignKeyConstraint(["base_id"], ["bases.id"], name=op.f("fk_courses_base_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_courses")),
        sa.UniqueConstraint("base_id", "reference", name=op.f("uq_courses_base_id_reference")),
    )
    op.create_index(op.f("ix_courses_field"), "courses", ["field"])
    op.create_index(op.f("ix_courses_service"), "courses", ["service"])
    op.create_table(
        "slot_rules",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=64), nullable=False),
        sa.Column("weekdays", sa.JSON(), nullable=False),
        sa.Column("starts", sa.Time(), nullable=False),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("trainer", sa.String(length=60), nullable=False),
        sa.Column("booking_closes_minutes", sa.Integer(), nullable=False),
        sa.Column("cancellation_closes_minutes", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "booking_closes_minutes >= 0 AND cancellation_closes_minutes >= 0", name=op.f("ck_slot_rules_deadlines")
        ),
        sa.CheckConstraint("capacity > 0", name=op.f("ck_slot_rules_capacity")),
        sa.CheckConstraint("first_day <= last_day", name=op.f("ck_slot_rules_days")),
        sa.ForeignKeyConstraint(
            ["course_id"], ["courses.id"], name=op.f("fk_slot_rules_course_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slot_rules")),
        sa.UniqueConstraint("course_id", "reference", name=op.f("uq_slot_rules_course_id_reference")),
    )
    op.create_table(
        "slots",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("course_id", sa.Integer(), nullable=False),
        sa.Column("base_id", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("booked", sa.Integer(), nullable=False),
        sa.Column("reserved", sa.Integer(), nullable=False),
        sa.Column("trainer", sa.String(length=60), nullable=False),
        sa.Column("booking_deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("cancellation_deadline", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("cancelled_because", sa.String(length=200)),
        sa.CheckConstraint("status IN ('open', 'cancelled')", name=op.f("ck_slots_status")),
        sa.CheckConstraint(
            "booked >= 0 AND reserved >= 0 AND booked + reserved <= capacity", name=op.f("ck_slots_places")
        ),
        sa.CheckConstraint(
            "booking_deadline <= starts_at AND cancellation_deadline <= starts_at", name=op.f("ck_slots_deadlines")
        ),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_slots_order")),
        sa.ForeignKeyConstraint(["base_id"], ["bases.id"], name=op.f("fk_slots_base_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["course_id"], ["courses.id"], name=op.f("fk_slots_course_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_slots")),
        sa.UniqueConstraint("course_id", "reference", name=op.f("uq_slots_course_id_reference")),
    )
    op.create_index("ix_slots_base_id_starts_at", "slots", ["base_id", "starts_at"])
    op.create_index("ix_slots_course_id_starts_at", "slots", ["course_id", "starts_at"])
    op.create_index("ix_slots_status_starts_at", "slots", ["status", "starts_at"])
    op.create_table(
        "bookings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=40)),
        sa.Column("phone", sa.String(length=40)),
        sa.Column("participants", sa.JSON(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_in_at", sa.DateTime(timezone=True)),
        sa.Column("anonymised_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status IN ('confirmed', 'cancelled', 'attended', 'no_show')", name=op.f("ck_bookings_status")
        ),
        sa.CheckConstraint("party > 0", name=op.f("ck_bookings_party")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_bookings_person_id")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_bookings_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bookings")),
        sa.UniqueConstraint("code", name=op.f("uq_bookings_code")),
    )
    op.create_index("ix_bookings_person_id_status", "bookings", ["person_id", "status"])
    op.create_index("ix_bookings_phone", "bookings", ["phone"])
    op.create_index("ix_bookings_slot_id_status", "bookings", ["slot_id", "status"])
    op.create_index(
        "uq_bookings_live_slot_person",
        "bookings",
        ["slot_id", "person_id"],
        unique=True,
        sqlite_where=sa.text("status IN ('confirmed', 'attended')"),
        postgresql_where=sa.text("status IN ('confirmed', 'attended')"),
    )
    op.create_table(
        "holds",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("state IN ('active', 'released', 'expired', 'used')", name=op.f("ck_holds_state")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_holds_person_id")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_holds_slot_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
    )
    op.create_index("ix_holds_slot_id_state", "holds", ["slot_id", "state"])
    op.create_index("ix_holds_state_expires_at", "holds", ["state", "expires_at"])
    op.create_index(
        "uq_holds_active_person",
        "holds",
        ["person_id"],
        unique=True,
        sqlite_where=sa.text("state = 'active'"),
        postgresql_where=sa.text("state = 'active'"),
    )
    op.create_table(
        "waiting_list",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("party", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("name", sa.String(length=40)),
        sa.Column("phone", sa.String(length=40)),
        sa.Column("participants", sa.JSON(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("offered_at", sa.DateTime(timezone=True)),
        sa.Column("offer_expires_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "state IN ('waiting', 'offered', 'booked', 'declined', 'expired', 'left', 'closed')",
            name=op.f("ck_waiting_list_state"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_waiting_list_person_id")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_waiting_list_slot_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting_list")),
    )
    op.create_index("ix_waiting_list_person_id_state", "waiting_list", ["person_id", "state"])
    op.create_index("ix_waiting_list_slot_id_state", "waiting_list", ["slot_id", "state"])
    op.create_index("ix_waiting_list_state_offer_expires_at", "waiting_list", ["state", "offer_expires_at"])
    op.create_index(
        "uq_waiting_list_live_slot_person",
        "waiting_list",
        ["slot_id", "person_id"],
        unique=True,
        sqlite_where=sa.text("state IN ('waiting', 'offered')"),
        postgresql_where=sa.text("state IN ('waiting', 'offered')"),
    )
    op.create_table(
        "check_in_scans",
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("booking_id", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["booking_id"], ["bookings.id"], name=op.f("fk_check_in_scans_booking_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("nonce", name=op.f("pk_check_in_scans")),
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dedupe_key", sa.String(length=80), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("slot_id", sa.Integer(), nullable=False),
        sa.Column("booking_id", sa.Integer()),
        sa.Column("entry_id", sa.Integer()),
        sa.Column("data", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("useless_after", sa.DateTime(timezone=True)),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.String(length=40)),
        sa.Column("leased_until", sa.DateTime(timezone=True)),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("last_error", sa.String(length=80)),
        sa.CheckConstraint("state IN ('pending', 'sent', 'dead', 'superseded')", name=op.f("ck_outbox_state")),
        sa.ForeignKeyConstraint(["booking_id"], ["bookings.id"], name=op.f("fk_outbox_booking_id")),
        sa.ForeignKeyConstraint(["entry_id"], ["waiting_list.id"], name=op.f("fk_outbox_entry_id")),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("fk_outbox_person_id")),
        sa.ForeignKeyConstraint(["slot_id"], ["slots.id"], name=op.f("fk_outbox_slot_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_outbox_dedupe_key")),
    )
    op.create_index("ix_outbox_booking_id", "outbox", ["booking_id"])
    op.create_index("ix_outbox_entry_id", "outbox", ["entry_id"])
    op.create_index("ix_outbox_person_id", "outbox", ["person_id"])
    op.create_index("ix_outbox_state_next_attempt_at", "outbox", ["state", "next_attempt_at"])


def downgrade() -> None:
    for table in (
        "outbox",
        "check_in_scans",
        "waiting_list",
        "holds",
        "bookings",
        "slots",
        "slot_rules",
        "courses",
        "blocked_periods",
        "vault",
        "people",
        "idempotency_keys",
        "bases",
        "audit_events",
    ):
        op.drop_table(table)

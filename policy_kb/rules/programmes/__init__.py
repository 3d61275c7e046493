"""All programmes by id, in the order they are listed to people."""

from policy_kb.rules.programme import Programme
from policy_kb.rules.programmes.base_application import BaseApplication
from policy_kb.rules.programmes.base_fees import BaseFees
from policy_kb.rules.programmes.education_surcharge import EducationSurcharge
from policy_kb.rules.programmes.intern_pay import InternPay
from policy_kb.rules.programmes.internship_posts import InternshipPosts
from policy_kb.rules.programmes.order_class_priority import OrderClassPriority
from policy_kb.rules.programmes.practice_hours import PracticeHours
from policy_kb.rules.programmes.research_reward import ResearchReward
from policy_kb.rules.programmes.teacher_practice_posts import TeacherPracticePosts
from policy_kb.rules.programmes.training_allowance import TrainingAllowance
from policy_kb.rules.programmes.training_fund import TrainingFund
from policy_kb.rules.programmes.training_participation import TrainingParticipation

PROGRAMMES: dict[str, Programme] = {
    programme.id: programme
    for programme in (
        TrainingAllowance(),
        InternshipPosts(),
        TeacherPracticePosts(),
        TrainingFund(),
        TrainingParticipation(),
        PracticeHours(),
        OrderClassPriority(),
        ResearchReward(),
        EducationSurcharge(),
        BaseApplication(),
        BaseFees(),
        InternPay(),
    )
}

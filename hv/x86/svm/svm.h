/* SPDX-License-Identifier: MIT */
/*
 * Between svm.c and svm_run.c.
 */
#ifndef HV_SVM_H
#define HV_SVM_H

#include <hv/hvm.h>

#include "vmcb.h"

extern bool svm_has_next_rip;

void svm_enter(struct cpu_regs *regs, uint64_t vmcb_pa, uint64_t host_vmcb_pa);
void svm_run(struct vcpu *v, struct vmexit *exit);
void svm_switch_in(struct vcpu *v);
void svm_switch_out(struct vcpu *v);

#endif

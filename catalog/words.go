package catalog

// KindName is a kind in both languages.
func KindName(k Kind) Name { return Name{kindNames[k][0], kindNames[k][1]} }

// AreaName is an area in both languages.
func AreaName(a Area) Name { return Name{string(a), areaNames[a]} }

// StateName is a state in both languages.
func StateName(s State) Name { return Name{string(s), stateNames[s]} }

// EvidenceName is what evidence means, in both languages.
func EvidenceName(e string) Name { return Name{evidenceNames[e][0], evidenceNames[e][1]} }

// SourceName is what Cited means, in both languages.
func SourceName(s string) Name { return Name{sourceNames[s][0], sourceNames[s][1]} }

// LicenceName is a licence in both languages.
func LicenceName(l string) Name {
	switch l {
	case NoLicence:
		return Name{"no licence file", "无许可证文件"}
	case UnknownLicence:
		return Name{"not established", "未能确定"}
	}
	return Name{l, l}
}

// AbsenceName is what an absence means, in both languages.
func AbsenceName(a Absence) Name { return Name{absenceNames[a][0], absenceNames[a][1]} }

// FieldName is a field of an entry in both languages.
func FieldName(field string) Name { return Name{fieldNames[field][0], fieldNames[field][1]} }

var absenceNames = map[Absence][2]string{
	None:          {"none is public", "未公开提供"},
	Withheld:      {"not published by its makers", "作者未公开"},
	Unknown:       {"not established", "未能确定"},
	Elsewhere:     {"at the entry it refers to", "见所引条目"},
	WithCode:      {"with its code", "随代码提供"},
	NotApplicable: {"does not apply", "不适用"},
}

var fieldNames = map[string][2]string{
	"year": {"year", "年份"}, "authors": {"authors", "作者"}, "paper": {"paper", "论文"}, "code": {"code", "代码"},
	"weights": {"weights", "权重"}, "data": {"data", "数据"}, "licence": {"licence", "许可证"},
	"weights_licence": {"licence of the weights", "权重许可证"},
}

var kindNames = map[Kind][2]string{
	"stage": {"stage", "阶段"}, "dataset": {"data set", "数据集"}, "method": {"method", "方法"},
	"model": {"model", "模型"}, "paper": {"paper", "论文"}, "application": {"application", "应用"},
}

var areaNames = map[Area]string{
	"foundations": "基础", "data": "数据", "training": "训练", "evaluation": "评估", "architecture": "架构",
	"model": "大模型", "optimisation": "优化", "physical layer": "物理层", "MAC": "MAC层", "resources": "资源",
	"network": "网络", "edge": "边缘", "semantic": "语义", "security": "安全", "emerging": "新兴应用",
}

var stateNames = map[State]string{Runs: "可运行", Partly: "部分可运行", NotYet: "尚未实现", Nought: "无需运行"}

var evidenceNames = map[string][2]string{
	"read":        {"the source was read", "已阅读原文"},
	"id":          {"the identifier was checked", "已核对编号"},
	"known":       {"well known, not opened again", "公认信息，未重新打开核对"},
	"third-party": {"from a third party", "来自第三方"},
	"unverified":  {"unverified", "未核实"},
	"":            {"as the outline has it, not checked", "依大纲所列，未核对"},
}

var sourceNames = map[string][2]string{
	"page":    {"a page of the paper was read", "已阅读论文页面"},
	"code":    {"as its code asks to be cited", "依代码仓库的引用说明"},
	"outline": {"as the outline's bibliography has it", "依大纲参考文献"},
	"list":    {"as lists of others have it", "依他人所列目录"},
	"known":   {"well known, not opened again", "公认信息，未重新打开核对"},
}
